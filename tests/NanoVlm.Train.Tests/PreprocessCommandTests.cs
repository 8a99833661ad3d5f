using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NanoVlm.Weights;

namespace NanoVlm.Training.Tests;

public sealed class PreprocessCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_checkpoint_gives_its_tiles_and_the_text_with_a_token_for_each_feature()
    {
        var data = RepositoryFiles.At("tests/goldens/nanovlm-data");
        var (json, file) = Preprocess(RepositoryFiles.At("tests/goldens/nanovlm-tied"), Path.Combine(data, "image1.jpg"));
        using (file)
        {
            var tiles = (int)json["tiles"]!;
            var (rows, columns) = ((int)json["grid"]![0]!, (int)json["grid"]![1]!);
            Assert.Equal(rows * columns + 1, tiles);
            Assert.Equal([tiles, 3, 32, 32], file["pixel_values"].Shape);
            var text = (string)json["image_string"]!;
            Assert.Equal(tiles * (int)json["tokens_per_tile"]!, text.Split("<|image|>").Length - 1);
            Assert.StartsWith("<|global_image|><|image|>", text);
            Assert.Contains($"<row_{rows}_col_{columns}><|image|>", text);
            Assert.Equal(text, file.Metadata["image_string"]);
            Assert.Equal($"[{rows}, {columns}]", file.Metadata["grid"]);
        }
    }

    [Fact]
    public void SmolVLM_s_processor_gives_what_transformers_gives()
    {
        var golden = RepositoryFiles.At("tests/goldens/processor-smolvlm");
        var (json, file) = Preprocess(golden, Path.Combine(golden, "image2.png"));
        using var expected = SafeTensorsFile.Open(Path.Combine(golden, "expected.safetensors"));
        using (file)
        {
            var pixels = MemoryMarshal.Cast<byte, float>(file.Bytes("pixel_values"));
            var wanted = MemoryMarshal.Cast<byte, float>(expected.Bytes("image2.pixel_values"));
            Assert.Equal(expected["image2.pixel_values"].Shape, file["pixel_values"].Shape);
            for (var i = 0; i < wanted.Length; i++) Assert.Equal(wanted[i], pixels[i], 1e-6f);
            Assert.True(expected.Bytes("image2.pixel_attention_mask").SequenceEqual(file.Bytes("pixel_attention_mask")));
            Assert.Equal((2, 1), (MemoryMarshal.Read<long>(file.Bytes("rows")), MemoryMarshal.Read<long>(file.Bytes("cols"))));
        }
        var tile = string.Concat(Enumerable.Repeat("<image>", (int)json["tokens_per_tile"]!));
        const string around = "<fake_token_around_image>";
        Assert.Equal($"{around}<row_1_col_1>{tile}\n{around}<row_2_col_1>{tile}\n\n{around}<global-img>{tile}{around}", (string)json["image_string"]!);
    }

    [Fact]
    public void Gemma_3_puts_a_picture_between_two_tokens()
    {
        foreach (var name in new[] { "gemma3-mm/config.json", "processor-gemma3/preprocessor_config.json" })
            File.Copy(RepositoryFiles.At($"tests/goldens/{name}"), folder[Path.GetFileName(name)]);
        var (json, file) = Preprocess(folder.Path, RepositoryFiles.At("tests/goldens/processor-gemma3/image0.png"));
        file.Dispose();
        Assert.Equal("\n\n<start_of_image><image_soft_token><image_soft_token><image_soft_token><image_soft_token><end_of_image>\n\n", (string)json["image_string"]!);
        Assert.Equal("[1,3,32,32]", json["pixel_values"]!.ToJsonString());
    }

    [Fact]
    public void A_tower_alone_has_pixels_and_no_text()
    {
        var golden = RepositoryFiles.At("tests/goldens/processor-clip");
        var (json, file) = Preprocess(golden, Path.Combine(golden, "image1.png"));
        file.Dispose();
        Assert.Null(json["image_string"]);
        Assert.Equal("[1,3,32,32]", json["pixel_values"]!.ToJsonString());
    }

    [Fact]
    public void A_picture_or_folder_that_cannot_be_read_is_named()
    {
        var golden = RepositoryFiles.At("tests/goldens/processor-clip");
        File.WriteAllText(folder["broken.png"], "\u0089PNG\r\n\u001a\n");
        foreach (var (model, image, named) in new[] { (golden, folder["broken.png"], "broken.png"), (golden, folder["none.png"], "none.png"), (folder["nowhere"], folder["broken.png"], "nowhere") })
        {
            var result = NanoVlmProgram.Run(folder.Path, "preprocess", "--model", model, "--image", image, "--output", folder["out.safetensors"]);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains(named, result.Error);
            Assert.False(File.Exists(folder["out.safetensors"]));
        }
    }

    public void Dispose() => folder.Dispose();

    private (JsonNode Json, SafeTensorsFile File) Preprocess(string model, string image)
    {
        var output = folder["out.safetensors"];
        var json = NanoVlmProgram.Run(folder.Path, "preprocess", "--model", model, "--image", image, "--output", output).Succeeded();
        return (JsonNode.Parse(json)!, SafeTensorsFile.Open(output));
    }
}
