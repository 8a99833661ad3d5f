using System.Text;
using System.Text.Json;
using NanoVlm.Weights;

namespace NanoVlm.Tests.Weights;

public sealed class ModelWeightsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_file_its_folder_and_its_shards_open_alike()
    {
        Shard(ModelWeights.SingleFile, "a", "b", "c");
        using (var file = ModelWeights.Open(folder[ModelWeights.SingleFile]))
        using (var whole = ModelWeights.Open(folder.Path))
        {
            Assert.Equal(folder[ModelWeights.SingleFile], file.Path);
            Assert.Equal(file.Path, whole.Path);
            Assert.Equal(["a", "b", "c"], whole.Names);
        }

        File.Delete(folder[ModelWeights.SingleFile]);
        Shard("model-00002-of-00002.safetensors", "c", "a");
        Shard("model-00001-of-00002.safetensors", "b");
        Index(("c", 2), ("b", 1), ("a", 2));
        using var shards = ModelWeights.Open(folder.Path);
        using var again = ModelWeights.Open(folder[ModelWeights.IndexFile]);

        Assert.Equal(folder[ModelWeights.IndexFile], shards.Path);
        Assert.Equal(shards.Files, again.Files);
        Assert.Equal([folder["model-00001-of-00002.safetensors"], folder["model-00002-of-00002.safetensors"]], shards.Files);
        Assert.Equal(["b", "a", "c"], shards.Names);
        Assert.Equal(shards.Files[1], shards.FileOf("a"));
        Assert.Equal(SafeTensorsDType.U8, shards["a"].DType);
        Assert.Equal(3, shards.TotalBytes);
        Assert.Equal("pt", shards.Metadata["format"]);
        Assert.True(shards.Contains("c") && !shards.Contains("d"));
        Assert.Contains("no tensor 'd' among its 3", Assert.Throws<NanoVlmException>(() => shards["d"]).Message);
    }

    [Fact]
    public void The_single_file_wins_over_an_index()
    {
        Shard(ModelWeights.SingleFile, "whole");
        Index(("a", 1));

        using var weights = ModelWeights.Open(folder.Path);

        Assert.Equal(["whole"], weights.Names);
    }

    [Fact]
    public void A_wrong_total_size_is_not_held_against_an_index()
    {
        Shard("model-00001-of-00002.safetensors", "a");
        Write("""{"metadata":{"total_size":1e30,"x":[{}]},"weight_map":{"a":"model-00001-of-00002.safetensors"},"more":null}""");

        using var weights = ModelWeights.Open(folder.Path);

        Assert.Equal(1, weights.TotalBytes);
    }

    [Fact]
    public void All_disagreements_of_an_index_and_its_shards_come_in_one_message()
    {
        Shard("model-00001-of-00002.safetensors", "a", "twice", "unlisted", "stray");
        Shard("model-00002-of-00002.safetensors", "twice");
        File.WriteAllText(folder["damaged"], "x");
        Write("""
            {"weight_map":{"a":"model-00001-of-00002.safetensors","absent":"model-00001-of-00002.safetensors","twice":"model-00002-of-00002.safetensors",
             "stray":"gone.safetensors","b":"gone.safetensors","up":"../x.safetensors","root":"/etc/passwd","drive":"c:x","none":"","damage":"damaged"}}
            """);

        var message = Assert.Throws<NanoVlmException>(() => ModelWeights.Open(folder.Path)).Message;

        Assert.StartsWith(folder[ModelWeights.IndexFile], message);
        string[] lines =
        [
            "'../x.safetensors' is not the name of a file beside the index; it should hold tensor 'up'",
            "'/etc/passwd' is not the name of a file",
            "'c:x' is not the name of a file",
            "'' is not the name of a file",
            "gone.safetensors is missing; it should hold 2 tensors: 'stray', 'b'",
            $"{folder["damaged"]}: not a safetensors file",
            "model-00001-of-00002.safetensors lacks tensor 'absent'",
            "model-00001-of-00002.safetensors holds tensor 'unlisted', which the index does not list",
            "model-00001-of-00002.safetensors and model-00002-of-00002.safetensors both hold tensor 'twice'",
            "model-00001-of-00002.safetensors holds tensor 'stray', which the index places in gone.safetensors",
        ];
        Assert.All(lines, line => Assert.Contains(line, message));
        Assert.Equal(lines.Length + 1, message.Split('\n').Length);
    }

    [Fact]
    public void A_flood_of_disagreements_is_cut_short()
    {
        Write(JsonSerializer.Serialize(new { weight_map = Enumerable.Range(0, 1000).ToDictionary(i => $"t{i}", i => $"s{i}") }));

        var message = Assert.Throws<NanoVlmException>(() => ModelWeights.Open(folder.Path)).Message;

        Assert.EndsWith("and 950 more", message);
    }

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "a JSON object with the key weight_map is needed")]
    [InlineData("{}", "weight_map is missing")]
    [InlineData("""{"weight_map":{}}""", "weight_map is empty")]
    [InlineData("""{"weight_map":[]}""", "weight_map must be an object")]
    [InlineData("""{"weight_map":{"a":1}}""", "the file of tensor 'a' must be a string")]
    [InlineData("""{"weight_map":{"a":"x","\u0061":"y"}}""", "weight_map holds tensor 'a' twice")]
    [InlineData("""{"weight_map":{"a":"x"},"weight_map":{"a":"x"}}""", "holds weight_map twice")]
    [InlineData("""{"weight_map":{"a":"\ud800"}}""", "not valid Unicode")]
    [InlineData("""{"weight_map":{"a":"x"}} {}""", "not valid JSON")]
    [InlineData("""{"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[""", "not valid JSON")]
    public void A_wrong_index_is_refused_by_name(string index, string message)
    {
        Write(index);

        var refusal = Assert.Throws<NanoVlmException>(() => ModelWeights.Open(folder.Path)).Message;

        Assert.StartsWith(folder[ModelWeights.IndexFile], refusal);
        Assert.Contains(message, refusal);
    }

    [Fact]
    public void A_folder_without_weights_says_what_was_looked_for()
    {
        Assert.Contains("neither model.safetensors nor model.safetensors.index.json is there", Refusal());
        File.WriteAllText(folder["pytorch_model.bin"], "");
        Assert.Contains("pytorch_model.bin must be converted to safetensors", Refusal());
        Assert.Contains("nowhere", Assert.Throws<NanoVlmException>(() => ModelWeights.Open(folder["nowhere"])).Message);

        string Refusal() => Assert.Throws<NanoVlmException>(() => ModelWeights.Open(folder.Path)).Message;
    }

    private void Shard(string file, params string[] names) => SafeTensorsWriter.Write(
        folder[file], names.Select(name => new SafeTensorsEntry(name, SafeTensorsDType.U8, [1], new byte[] { 1 })), new Dictionary<string, string> { ["format"] = "pt" });

    private void Index(params (string Name, int Shard)[] tensors) =>
        Write(JsonSerializer.Serialize(new { weight_map = tensors.ToDictionary(tensor => tensor.Name, tensor => $"model-{tensor.Shard:00000}-of-00002.safetensors") }));

    private void Write(string index) => File.WriteAllBytes(folder[ModelWeights.IndexFile], Encoding.UTF8.GetBytes(index));
}
