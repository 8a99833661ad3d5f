using NanoVlm.Data.Sources;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>A data set of the Hub that a benchmark is published as.</summary>
/// <param name="Repository"><c>org/name</c>.</param>
/// <param name="Subset">Its configuration; empty: files outside of those; null: it has none.</param>
/// <param name="Split">Its split.</param>
/// <param name="Rows">How many rows that has.</param>
internal sealed record PublishedSet(string Repository, string? Subset, string Split, int Rows)
{
    private static readonly string[] Extensions = [".parquet"];

    /// <summary>Finds its files, here or on the Hub.</summary>
    /// <param name="data">Where to look.</param>
    /// <exception cref="NanoVlmException">There are none, or they cannot be fetched.</exception>
    public IReadOnlyList<string> Files(TaskData data)
    {
        var split = data.Split ?? Split;
        var path = data.Path ?? Repository;
        if (data.Path is not null && Directory.Exists(path))
        {
            var names = Below(path);
            return [.. DataSplit.SelectPublished(path, names, Extensions, Subset, split).Select(name => Path.Combine([path, .. name.Split('/')]))];
        }
        var isLocal = data.Path is not null && (DataFiles.IsLocal(path) || Extensions.Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase)));
        if (isLocal || !HubRepository.TryParse(path, out var set, HubRepositoryKind.Dataset)) return DataFiles.Find(path, Extensions);
        using var client = data.Hub?.Invoke() ?? new HubClient();
        var chosen = DataSplit.SelectPublished(path, client.ListFiles(set, data.Cancellation).GetAwaiter().GetResult(), Extensions, Subset, split);
        var folder = client.DownloadFiles(set, chosen, data.Progress, data.Cancellation).GetAwaiter().GetResult();
        return [.. chosen.Select(name => Path.Combine([folder, .. name.Split('/')]))];
    }

    private static string[] Below(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/')).Where(name => !name.Split('/').Any(part => part.StartsWith('.')))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{folder}: cannot be searched: {error.Message}", error);
        }
    }

    /// <summary>As messages write it.</summary>
    public override string ToString() => $"{Repository}{(Subset is { Length: > 0 } ? $" ({Subset})" : "")}, {Split}";
}
