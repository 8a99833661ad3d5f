using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TorchSharp;

namespace NanoVlm.Weights;

public static partial class SafeTensorsWriter
{
    /// <summary>
    /// Writes a model's weights as transformers does: <c>model.safetensors</c> where they fit in one file, else
    /// <c>model-00001-of-00003.safetensors</c> and so on with an index. Tensors fill shards in their order; one that is larger than a shard
    /// gets a shard of its own. All is written under temporary names, flushed, then renamed, the index last; then weights that an
    /// earlier writer left under these names are removed. A failure before the renames leaves what was there; for more, write to a new folder.
    /// </summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="tensors">The tensors, in the order in which they fill shards.</param>
    /// <param name="maxShardBytes">The most tensor bytes in a shard.</param>
    /// <param name="metadata">Every file's string map; transformers wants <c>format</c>: <c>pt</c> in it.</param>
    /// <exception cref="NanoVlmException">As <see cref="Write(string, IEnumerable{SafeTensorsEntry}, IReadOnlyDictionary{string, string})"/>.</exception>
    public static void WriteSharded(
        string folder, IEnumerable<SafeTensorsEntry> tensors, long maxShardBytes, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxShardBytes, 1);
        var index = Path.Combine(folder, ModelWeights.IndexFile);
        var ordered = tensors.ToArray();
        Order(index, ordered); // names and shapes, over all shards
        var shards = Split(ordered, maxShardBytes);
        var names = shards.Count == 1
            ? [ModelWeights.SingleFile]
            : Enumerable.Range(1, shards.Count).Select(i => string.Create(CultureInfo.InvariantCulture, $"model-{i:00000}-of-{shards.Count:00000}.safetensors")).ToArray();
        var files = names.Zip(shards, (name, shard) =>
        {
            var path = Path.Combine(folder, name);
            var laidOut = Order(path, shard);
            return (path, laidOut, Header(path, laidOut, metadata));
        });
        WriteAll([.. files], shards.Count == 1 ? null : (index, Index(names, shards)));
        RemoveOthers(folder, shards.Count == 1 ? names : [.. names, ModelWeights.IndexFile]);
    }

    /// <inheritdoc cref="WriteSharded(string, IEnumerable{SafeTensorsEntry}, long, IReadOnlyDictionary{string, string})"/>
    public static void WriteSharded(
        string folder, IReadOnlyDictionary<string, torch.Tensor> tensors, long maxShardBytes, IReadOnlyDictionary<string, string>? metadata = null) =>
        WriteSharded(folder, tensors.Select(pair => Entry(folder, pair.Key, pair.Value)), maxShardBytes, metadata);

    private static List<List<SafeTensorsEntry>> Split(SafeTensorsEntry[] tensors, long maxShardBytes)
    {
        var shards = new List<List<SafeTensorsEntry>> { new() };
        long filled = 0;
        foreach (var tensor in tensors)
        {
            var bytes = ByteLength(tensor);
            if (shards[^1].Count > 0 && bytes > maxShardBytes - filled)
            {
                shards.Add([]);
                filled = 0;
            }

            shards[^1].Add(tensor);
            filled += bytes;
        }

        return shards;
    }

    // The layout of Python's json.dumps(index, indent=2, sort_keys=True).
    private static byte[] Index(string[] names, List<List<SafeTensorsEntry>> shards)
    {
        var total = shards.Sum(shard => shard.Sum(ByteLength));
        var json = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{{\n  \"metadata\": {{\n    \"total_size\": {total}\n  }},\n  \"weight_map\": {{");
        var separator = "\n    ";
        foreach (var (tensor, file) in names.Zip(shards).SelectMany(pair => pair.Second.Select(tensor => (tensor.Name, pair.First))).OrderBy(pair => pair.Name, StringComparer.Ordinal))
        {
            json.Append(separator);
            AppendString(json, tensor);
            json.Append(": ");
            AppendString(json, file);
            separator = ",\n    ";
        }

        return StrictUtf8.GetBytes(json.Append("\n  }\n}\n").ToString());
    }

    // What an earlier writer left would win over the new index, or lie there unused.
    private static void RemoveOthers(string folder, string[] written)
    {
        try
        {
            foreach (var path in Directory.GetFiles(folder, "model*.safetensors*"))
                if (Path.GetFileName(path) is var name && !written.Contains(name) && (name is ModelWeights.SingleFile or ModelWeights.IndexFile || ShardName().IsMatch(name)))
                    File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{folder}: weights of an earlier writer cannot be removed: {e.Message}", e);
        }
    }

    private static long ByteLength(SafeTensorsEntry tensor) => SafeTensorsHeader.ByteLength(tensor.DType, tensor.Shape)!.Value;

    [GeneratedRegex(@"^model-\d{5}-of-\d{5}\.safetensors$")]
    private static partial Regex ShardName();
}
