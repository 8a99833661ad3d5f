using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NanoVlm.Weights;

namespace NanoVlm.Training.Tests;

public sealed class InspectCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_model_folder_is_shown_with_its_config_its_tensors_and_their_totals()
    {
        var output = Inspect(RepositoryFiles.At("tests/goldens/nanovlm-tied")).Succeeded();

        Assert.Contains("config: vision local, language local\n", output);
        Assert.Contains("metadata: decoder.token_embedding.weight = decoder.head.weight\n", output);
        Assert.Matches(@"\nMP\.proj\.weight +F32 +\[48, 128\] +24\.6 KB\n", output);
        Assert.Matches(@"\nF32 +\d+ +[\d,]+ +[\d.]+ KB\nall ", output);
        Assert.Contains("to train all of it: ", output);
        Assert.All(output.Split('\n').SkipWhile(line => !line.StartsWith("tensor ", StringComparison.Ordinal)), line => Assert.InRange(line.Length, 0, 120));
    }

    [Fact]
    public void Shards_are_numbered_and_layer_2_comes_before_layer_10()
    {
        Shards();

        var lines = Inspect(folder.Path).Succeeded().Split('\n');

        Assert.Contains("   1  model-00001-of-00002.safetensors        2", string.Join('\n', lines));
        Assert.Equal(
            ["layers.2.weight   F32   [2, 3]  24 B     2", "layers.10.weight  BF16  [4]      8 B     1", "norm              F32   []       4 B     1"],
            lines.SkipWhile(line => !line.StartsWith("tensor", StringComparison.Ordinal)).Skip(1).Take(3));
    }

    [Fact]
    public void Json_has_every_tensor_with_its_file_and_the_totals()
    {
        Shards();

        var json = JsonNode.Parse(Inspect(folder.Path, "--json").Succeeded())!;

        Assert.Equal(folder[ModelWeights.IndexFile], (string)json["path"]!);
        Assert.Equal("pt", (string)json["metadata"]!["format"]!);
        Assert.Equal(["layers.2.weight", "layers.10.weight", "norm"], json["tensors"]!.AsArray().Select(tensor => (string)tensor!["name"]!));
        var first = json["tensors"]![0]!;
        Assert.Equal(("F32", "[2,3]", 24, folder["model-00002-of-00002.safetensors"]), ((string)first["dtype"]!, first["shape"]!.ToJsonString(), (int)first["bytes"]!, (string)first["file"]!));
        Assert.Equal([2, 1], json["files"]!.AsArray().Select(file => (int)file!["tensors"]!));
        Assert.Equal([("F32", 7, 28), ("BF16", 4, 8)], json["types"]!.AsArray().Select(type => ((string)type!["dtype"]!, (int)type["parameters"]!, (int)type["bytes"]!)));
        Assert.Equal((11, 36, 176), ((int)json["parameters"]!, (int)json["bytes"]!, (int)json["bytes_to_train"]!));
    }

    [Fact]
    public void A_config_alone_is_shown_key_by_key()
    {
        File.WriteAllText(folder["config.json"], """{"architectures":["Gemma3Model"],"model_type":"gemma3","text_config":{"model_type":"gemma3_text","sizes":[1,2]}}""");

        var output = Inspect(folder["config.json"]).Succeeded();

        Assert.Equal(output, Inspect(folder.Path).Succeeded());
        Assert.Contains("\ngemma3 (Gemma3Model), text gemma3_text\n", output);
        Assert.Contains("\ntext_config.sizes       [1,2]\n", output);
        Assert.Equal("gemma3_text", (string)JsonNode.Parse(Inspect(folder["config.json"], "--json").Succeeded())!["config"]!["text_config"]!["model_type"]!);
    }

    [Fact]
    public void What_cannot_be_read_is_named()
    {
        Inspect(folder.Path).Failed(1, folder.Path, "neither model.safetensors nor model.safetensors.index.json");
        Inspect("nowhere").Failed(1, "nowhere: cannot be opened");
        File.WriteAllText(folder["config.json"], "{");
        Inspect(folder.Path).Failed(1, folder["config.json"], "not valid JSON");
        File.WriteAllBytes(folder["x.safetensors"], new byte[20]);
        Inspect(folder["x.safetensors"]).Failed(1, folder["x.safetensors"]);
    }

    [Fact]
    public void Names_that_would_rewrite_the_terminal_are_escaped()
    {
        SafeTensorsWriter.Write(folder["x.safetensors"], [new("\u001b[2J", SafeTensorsDType.U8, [1], new byte[1])]);

        Assert.Contains(@"\u001b[2J", Inspect(folder["x.safetensors"]).Succeeded());
    }

    [Fact]
    public async Task Inspecting_does_not_load_libtorch()
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "NanoVlm.Train"), ["inspect", RepositoryFiles.At("tests/goldens/nanovlm-tied")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        start.Environment["LD_DEBUG"] = "files"; // the loader says what it loads
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var loaded = await process.StandardError.ReadToEndAsync();

        Assert.Contains("MP.proj.weight", await output);
        Assert.Contains("libcoreclr", loaded);
        Assert.DoesNotContain("torch", loaded);
    }

    public void Dispose() => folder.Dispose();

    private void Shards() => SafeTensorsWriter.WriteSharded(
        folder.Path,
        [
            new("layers.10.weight", SafeTensorsDType.BF16, [4], new byte[8]),
            new("norm", SafeTensorsDType.F32, [], new byte[4]),
            new("layers.2.weight", SafeTensorsDType.F32, [2, 3], new byte[24]),
        ],
        24,
        new Dictionary<string, string> { ["format"] = "pt" });

    private ProgramResult Inspect(params string[] arguments) => NanoVlmProgram.Run(folder.Path, ["inspect", .. arguments]);
}
