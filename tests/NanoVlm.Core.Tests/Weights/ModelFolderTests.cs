using NanoVlm.Tests.Weights.Hub;
using NanoVlm.Weights;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights;

public sealed class ModelFolderTests : IDisposable
{
    private readonly HubFixture fixture = new();

    [Fact]
    public void A_folder_is_itself_even_with_the_name_of_a_model()
    {
        Assert.Equal(fixture.Folder.Path, Resolve(fixture.Folder.Path));
        Assert.Empty(fixture.Hub.Server.Requests);
    }

    [Fact]
    public void A_name_brings_what_NanoVlm_reads_and_nothing_else()
    {
        string[] read =
        [
            "config.json", "generation_config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "tokenizer.json",
            "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "preprocessor_config.json",
            "processor_config.json", "chat_template.jinja", "chat_template.json",
        ];
        foreach (var file in read) fixture.Hub.AddSmall(file, "x" + file);
        fixture.Hub.AddSmall("model.safetensors.index.json",
            """{ "weight_map": { "a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors" } }""");
        foreach (var file in new[] { "README.md", "pytorch_model.bin", "flax_model.msgpack", "onnx/model.onnx", "original/consolidated.safetensors", ".gitattributes" })
            fixture.Hub.AddSmall(file, "y");

        var snapshot = Resolve("org/name");
        Assert.Equal(read.Append("model.safetensors.index.json").Order(StringComparer.Ordinal), Directory.GetFiles(snapshot, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(snapshot, path)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_snapshot_that_lacks_shards_is_refused_by_their_names()
    {
        fixture.Hub.AddSmall("model.safetensors.index.json", """{ "weight_map": { "a": "model-1.safetensors", "b": "model-2.safetensors" } }""");
        fixture.Hub.AddSmall("model-1.safetensors", "x");
        Says("org/name", "lacks model-2.safetensors", "nanovlm download org/name");
    }

    [Theory]
    [InlineData("./checkpoints/nano")]
    [InlineData("checkpoints")]
    [InlineData("a/b/c")]
    [InlineData("")]
    public void What_is_neither_is_said_to_be_neither(string text)
    {
        Says(text, $"model.vision.pretrained: '{text}' is neither a folder nor a name on the Hub");
        Assert.Empty(fixture.Hub.Server.Requests);
    }

    [Fact]
    public void A_misspelt_folder_is_answered_with_the_nearest_one()
    {
        Directory.CreateDirectory(fixture.Folder["siglip-base"]);
        Directory.CreateDirectory(fixture.Folder["other"]);
        Says(fixture.Folder["sigplip-base"], $"did you mean '{fixture.Folder["siglip-base"]}'?");
    }

    [Fact]
    public void A_file_is_not_a_folder()
    {
        File.WriteAllText(fixture.Folder["model.safetensors"], "");
        Says(fixture.Folder["model.safetensors"], "is a file; name the folder that holds it");
    }

    [Fact]
    public void A_name_that_the_Hub_does_not_know_may_have_been_meant_as_a_folder() =>
        Says("org/nmae", "model.vision.pretrained: 'org/nmae' is not a folder. On the Hub: there is no model org/nmae");

    public void Dispose() => fixture.Dispose();

    private string Resolve(string text)
    {
        using var client = new HubClient(fixture.Options);
        return ModelFolder.Resolve(text, "model.vision.pretrained", client);
    }

    private void Says(string text, params string[] said)
    {
        var e = Assert.Throws<NanoVlmException>(() => Resolve(text));
        Assert.All(said, part => Assert.Contains(part, e.Message));
    }
}
