using NanoVlm.Weights;

namespace NanoVlm.Tests.Weights;

public sealed class ShardedWriterTests : IDisposable
{
    private static readonly Dictionary<string, string> pt = new() { ["format"] = "pt" };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Shards_and_their_index_are_laid_out_as_transformers_does()
    {
        SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("w.10", 60), Tensor("w.2", 40), Tensor("large", 300), Tensor("a\"", 1), Tensor("empty", 0)], 100, pt);

        Assert.Equal(
            ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors", "model.safetensors.index.json"],
            Files());
        Assert.Equal(
            """
            {
              "metadata": {
                "total_size": 401
              },
              "weight_map": {
                "a\"": "model-00003-of-00003.safetensors",
                "empty": "model-00003-of-00003.safetensors",
                "large": "model-00002-of-00003.safetensors",
                "w.10": "model-00001-of-00003.safetensors",
                "w.2": "model-00001-of-00003.safetensors"
              }
            }

            """.ReplaceLineEndings("\n"),
            File.ReadAllText(folder[ModelWeights.IndexFile]));
        using var weights = ModelWeights.Open(folder.Path);
        Assert.Equal(401, weights.TotalBytes);
        Assert.Equal("pt", weights.Metadata["format"]);
        using var second = SafeTensorsFile.Open(weights.Files[1]);
        Assert.Equal("pt", second.Metadata["format"]);
        Assert.Equal(300, second.Bytes("large").ToArray().Count(value => value == 5));
    }

    [Fact]
    public void What_fits_in_one_shard_is_one_plain_file()
    {
        SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("a", 60), Tensor("b", 40)], 100, pt);
        var whole = File.ReadAllBytes(folder[ModelWeights.SingleFile]);
        SafeTensorsWriter.Write(folder["same"], [Tensor("a", 60), Tensor("b", 40)], pt);

        Assert.Equal([ModelWeights.SingleFile, "same"], Files());
        Assert.Equal(File.ReadAllBytes(folder["same"]), whole);
    }

    [Fact]
    public void Weights_of_an_earlier_layout_do_not_stay_beside_the_new_ones()
    {
        File.WriteAllText(folder["model-card.safetensors"], "somebody else's");
        SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("a", 60), Tensor("b", 60), Tensor("c", 60)], 100);
        SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("a", 60), Tensor("b", 60)], 100);
        Assert.Equal(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model-card.safetensors", ModelWeights.IndexFile], Files());

        SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("a", 60)], 100);
        Assert.Equal(["model-card.safetensors", ModelWeights.SingleFile], Files());

        SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("x", 60), Tensor("y", 60)], 100);
        using var weights = ModelWeights.Open(folder.Path);
        Assert.Equal(["x", "y"], weights.Names);
    }

    [Fact]
    public void A_failure_leaves_the_old_weights_and_nothing_else()
    {
        SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("old", 60), Tensor("too", 60)], 100);
        var before = Files().Select(name => File.ReadAllBytes(folder[name!])).ToArray();
        var failing = new SafeTensorsEntry("b", SafeTensorsDType.U8, [60], _ => throw new IOException("the disk is full"));

        var message = Assert.Throws<NanoVlmException>(() => SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("a", 60), failing], 100)).Message;

        Assert.Contains("model-00002-of-00002.safetensors: cannot be written: the disk is full", message);
        Assert.Equal(before, Files().Select(name => File.ReadAllBytes(folder[name!])));
        Assert.Contains("two tensors are named 'a'", Assert.Throws<NanoVlmException>(
            () => SafeTensorsWriter.WriteSharded(folder.Path, [Tensor("a", 60), Tensor("a", 60)], 100)).Message);
        Assert.Contains("cannot be written", Assert.Throws<NanoVlmException>(() => SafeTensorsWriter.WriteSharded(folder["none"], [Tensor("a", 60)], 100)).Message);
    }

    private static SafeTensorsEntry Tensor(string name, int bytes) => new(name, SafeTensorsDType.U8, [bytes], Enumerable.Repeat((byte)5, bytes).ToArray());

    private IEnumerable<string?> Files() => Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal);
}
