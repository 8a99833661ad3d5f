using System.Text.Json;
using NanoVlm.Configuration;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Weights;

/// <summary>Turns what a person writes for a model, a folder or a name on the Hub, into a folder.</summary>
public static class ModelFolder
{
    private const string Index = "model.safetensors.index.json";

    private static readonly HashSet<string> read =
    [
        "config.json", "generation_config.json", Index, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.json", "merges.txt", "preprocessor_config.json", "processor_config.json", "chat_template.json", "chat_template.jinja",
    ];

    /// <summary>Whether NanoVlm reads a file of a model: weights in safetensors, configurations, the tokenizer. Weights in other formats are not
    /// fetched.</summary>
    /// <param name="file">Its name in the repository.</param>
    public static bool Reads(string file) =>
        read.Contains(file) || (!file.Contains('/') && (file.EndsWith(".safetensors", StringComparison.Ordinal) || file.EndsWith("processor_config.json", StringComparison.Ordinal)));

    /// <summary>A folder as it is, or the cached snapshot of <c>org/name[@revision]</c>, downloaded first where the cache lacks files.</summary>
    /// <param name="nameOrPath">The folder or the name; a folder that exists comes first.</param>
    /// <param name="what">What it is for, such as the configuration's key, to begin messages with.</param>
    /// <param name="client">Who downloads; by default one with the environment's options.</param>
    /// <param name="progress">Told of progress.</param>
    /// <param name="cancellation">Stops; what came so far is kept for the next attempt.</param>
    /// <exception cref="NanoVlmException">It is neither, or the model cannot be fetched.</exception>
    public static string Resolve(
        string nameOrPath, string what, HubClient? client = null, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (Directory.Exists(nameOrPath)) return nameOrPath;
        if (File.Exists(nameOrPath)) throw new NanoVlmException($"{what}: '{nameOrPath}' is a file; name the folder that holds it");
        if (!HubRepository.TryParse(nameOrPath, out var repository))
            throw new NanoVlmException($"{what}: '{nameOrPath}' is neither a folder nor a name on the Hub, org/name[@revision]{Meant(nameOrPath)}");
        using var own = client is null ? new HubClient() : null;
        try
        {
            var folder = (client ?? own!).DownloadSnapshot(repository, Reads, progress, cancellation).GetAwaiter().GetResult();
            CheckShards(repository, folder);
            return folder;
        }
        catch (NanoVlmException e)
        {
            throw new NanoVlmException($"{what}: '{nameOrPath}' is not a folder{(Meant(nameOrPath) is { Length: > 0 } meant ? meant : ".")} On the Hub: {e.Message}", e);
        }
    }

    // A snapshot that serves because the Hub could not be asked may be of a download that was cut short.
    private static void CheckShards(HubRepository repository, string folder)
    {
        var index = Path.Combine(folder, Index);
        if (!File.Exists(index)) return;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(index));
            var missing = json.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString() ?? "").Distinct()
                .Where(shard => !HubCache.Exists(Path.Combine(folder, shard))).ToList();
            if (missing.Count > 0)
                throw new NanoVlmException($"{folder} lacks {string.Join(", ", missing)}, which {Index} names; fetch the rest with: nanovlm download {repository}");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new NanoVlmException($"{index}: not an index of weights: {e.Message}", e);
        }
    }

    private static string Meant(string path)
    {
        if (path.Length == 0 || path.Contains('\0')) return "";
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var parent = Path.GetDirectoryName(full);
        if (parent is null || !Directory.Exists(parent)) return "";
        var nearest = NearestName.Of(Path.GetFileName(full), Directory.EnumerateDirectories(parent).Select(folder => Path.GetFileName(folder)));
        return nearest is null ? "" : NearestName.Suggestion(Path.Combine(Path.GetDirectoryName(path) ?? "", nearest)) + "?";
    }
}
