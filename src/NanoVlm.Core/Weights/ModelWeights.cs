using TorchSharp;
using static NanoVlm.Weights.SafeTensorsHeader;

namespace NanoVlm.Weights;

/// <summary>
/// The stored weights of a model: one safetensors file, or several with an index, as Hugging Face lays them out. Reading from several
/// threads is safe; disposing while another reads is not.
/// </summary>
public sealed class ModelWeights : IDisposable
{
    /// <summary>The name of the file when there is one.</summary>
    public const string SingleFile = "model.safetensors";

    /// <summary>The name of the index when there are several.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    private readonly IReadOnlyList<SafeTensorsFile> shards;
    private readonly Dictionary<string, SafeTensorsFile> shardOf;

    private ModelWeights(string path, IReadOnlyList<SafeTensorsFile> shards)
    {
        Path = path;
        this.shards = shards;
        Files = [.. shards.Select(shard => shard.Path)];
        Names = [.. shards.SelectMany(shard => shard.Names)];
        shardOf = new Dictionary<string, SafeTensorsFile>(Names.Count, StringComparer.Ordinal);
        var metadata = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var shard in shards)
        {
            foreach (var tensor in shard.Tensors)
            {
                shardOf.Add(tensor.Name, shard);
                TotalBytes += tensor.ByteLength;
            }

            foreach (var (key, value) in shard.Metadata)
                metadata.TryAdd(key, value);
        }

        Metadata = metadata;
    }

    /// <summary>The file, or the index of the shards: what messages about the weights should name.</summary>
    public string Path { get; }

    /// <summary>The safetensors files, by name.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The tensors' names: file by file, in the order of their data.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The files' <c>__metadata__</c>; where they differ, the first file's.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The size of all tensors in bytes.</summary>
    public long TotalBytes { get; }

    /// <summary>Opens weights; their values are read later, tensor by tensor.</summary>
    /// <param name="path">A safetensors file, an index file, or a folder that holds <see cref="SingleFile"/> (which wins where both are, as in
    /// transformers) or <see cref="IndexFile"/> with its shards.</param>
    /// <exception cref="NanoVlmException">There are no weights, a header or the index is wrong, or the index and its shards do not agree; the
    /// message lists all that is wrong, with the files.</exception>
    public static ModelWeights Open(string path)
    {
        if (!Directory.Exists(path))
            return path.EndsWith(".index.json", StringComparison.Ordinal) ? OpenShards(path) : new ModelWeights(path, [SafeTensorsFile.Open(path)]);
        var single = System.IO.Path.Combine(path, SingleFile);
        if (File.Exists(single))
            return new ModelWeights(single, [SafeTensorsFile.Open(single)]);
        var index = System.IO.Path.Combine(path, IndexFile);
        return File.Exists(index) ? OpenShards(index) : throw NoWeights(path);
    }

    /// <summary>Whether there is a tensor of this name.</summary>
    /// <param name="name">The tensor's name.</param>
    public bool Contains(string name) => shardOf.ContainsKey(name);

    /// <summary>What the header says about a tensor.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <exception cref="NanoVlmException">There is no such tensor.</exception>
    public TensorInfo this[string name] => ShardOf(name)[name];

    /// <summary>The path of the file that holds a tensor.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <exception cref="NanoVlmException">There is no such tensor.</exception>
    public string FileOf(string name) => ShardOf(name).Path;

    /// <inheritdoc cref="SafeTensorsFile.Tensor"/>
    public torch.Tensor Tensor(string name) => ShardOf(name).Tensor(name);

    /// <inheritdoc cref="SafeTensorsFile.CopyTo"/>
    public void CopyTo(string name, torch.Tensor target) => ShardOf(name).CopyTo(name, target);

    /// <summary>Closes the files; tensors that were given out stay.</summary>
    public void Dispose()
    {
        foreach (var shard in shards)
            shard.Dispose();
    }

    private SafeTensorsFile ShardOf(string name) => shardOf.TryGetValue(name, out var shard)
        ? shard
        : throw new NanoVlmException($"{Path}: there is no tensor '{name}' among its {shardOf.Count}");

    private static ModelWeights OpenShards(string index)
    {
        var placed = SafeTensorsIndex.Read(index);
        var promised = placed.OrderBy(pair => pair.Value, StringComparer.Ordinal).ToLookup(pair => pair.Value, pair => pair.Key);
        var opened = new Dictionary<string, SafeTensorsFile>(StringComparer.Ordinal);
        var problems = new List<string>();
        try
        {
            foreach (var names in promised)
            {
                var path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(index)!, names.Key);
                if (!IsPlainFileName(names.Key))
                    problems.Add($"'{Printable(names.Key)}' is not the name of a file beside the index; it should hold {Listed(names)}");
                else if (!File.Exists(path))
                    problems.Add($"{names.Key} is missing; it should hold {Listed(names)}");
                else if (Open(path, problems) is { } shard)
                    opened.Add(names.Key, shard);
            }

            foreach (var (file, shard) in opened)
                problems.AddRange(Disagreements(file, shard, placed, promised[file], opened));
            if (problems.Count > 0)
                throw new NanoVlmException($"{index}: the index and its shards do not agree:{Lines(problems)}");
            return new ModelWeights(index, [.. opened.Values]);
        }
        catch
        {
            foreach (var shard in opened.Values)
                shard.Dispose();
            throw;
        }
    }

    private static SafeTensorsFile? Open(string path, List<string> problems)
    {
        try
        {
            return SafeTensorsFile.Open(path);
        }
        catch (NanoVlmException e)
        {
            problems.Add(e.Message);
            return null;
        }
    }

    private static IEnumerable<string> Disagreements(
        string file, SafeTensorsFile shard, IReadOnlyDictionary<string, string> placed, IEnumerable<string> promised, IReadOnlyDictionary<string, SafeTensorsFile> opened)
    {
        var absent = promised.Where(name => !shard.Contains(name)).ToArray();
        if (absent.Length > 0)
            yield return $"{file} lacks {Listed(absent)}, which the index promises there";
        var unlisted = shard.Names.Where(name => !placed.ContainsKey(name)).ToArray();
        if (unlisted.Length > 0)
            yield return $"{file} holds {Listed(unlisted)}, which the index does not list";
        foreach (var strays in shard.Names.Where(name => placed.TryGetValue(name, out var place) && place != file).GroupBy(name => placed[name]))
            yield return opened.TryGetValue(strays.Key, out var other) && strays.All(other.Contains)
                ? $"{file} and {strays.Key} both hold {Listed(strays)}"
                : $"{file} holds {Listed(strays)}, which the index places in {Printable(strays.Key)}";
    }

    // Nothing that leads out of the folder, on any system.
    private static bool IsPlainFileName(string name) =>
        name.Length > 0 && name is not ("." or "..") && name.IndexOfAny(['/', '\\', ':']) < 0 && !name.Any(char.IsControl);

    private static string Listed(IEnumerable<string> names)
    {
        var all = names.ToArray();
        var shown = string.Join(", ", all.Take(5).Select(name => $"'{Printable(name)}'"));
        return (all.Length == 1 ? "tensor " : $"{all.Length} tensors: ") + shown + (all.Length > 5 ? ", ..." : "");
    }

    private static string Lines(List<string> problems) =>
        string.Concat(problems.Take(50).Select(problem => "\n  " + problem)) + (problems.Count > 50 ? $"\n  and {problems.Count - 50} more" : "");

    private static NanoVlmException NoWeights(string folder)
    {
        var pickled = Directory.EnumerateFiles(folder, "*.bin").Concat(Directory.EnumerateFiles(folder, "*.pt*")).Select(System.IO.Path.GetFileName).Order(StringComparer.Ordinal).FirstOrDefault();
        return new NanoVlmException($"{folder}: there are no weights: neither {SingleFile} nor {IndexFile} is there" + (pickled is null ? ""
            : $"; {pickled} must be converted to safetensors first, in Python: AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER, safe_serialization=True)"));
    }
}
