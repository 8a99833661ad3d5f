using NanoVlm.Configuration;
using NanoVlm.Data.Sources;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Training;

/// <summary>Opens the sources that a configuration names; data sets of the Hub are downloaded into its cache first, with what a person sees of that
/// on standard error.</summary>
internal static class TrainingSource
{
    /// <summary>Opens a source of files.</summary>
    /// <param name="source">What the configuration says; not the built-in shapes.</param>
    /// <param name="window">How many rows of a set that is read in groups are shuffled among themselves.</param>
    /// <param name="hub">Makes the client, where the Hub is needed.</param>
    /// <param name="cancellation">Stops them; what came so far is kept.</param>
    /// <exception cref="NanoVlmException">Nothing is there, or it is not as expected, or it cannot be fetched.</exception>
    public static SampleSource Open(DataSource source, int window = 1024, Func<HubClient>? hub = null, CancellationToken cancellation = default)
    {
        return source switch
        {
            ParquetFileSource set => Parquet(ParquetSource.Open(Named(set.Path, set.Subset), Files(set.Path, [".parquet"], set.Subset, set.Split))),
            WebDatasetFileSource set => WebDatasetSource.Open(Named(set.Path, set.Subset), Files(set.Path, [".tar"], set.Subset, set.Split)),
            JsonlSource set => ConversationSource.Open(Named(set.Path, set.Subset), Files(set.Path, [".jsonl", ".json"], set.Subset, set.Split), set.Images),
            _ => throw new ArgumentException($"{source.GetType().Name} is not a source of files.", nameof(source)),
        };

        ParquetSource Parquet(ParquetSource set)
        {
            set.KeepRows(window);
            return set;
        }

        IReadOnlyList<string> Files(string path, string[] extensions, string? subset, string? split)
        {
            var isLocal = DataFiles.IsLocal(path) || extensions.Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase));
            if (isLocal || !HubRepository.TryParse(path, out var set, HubRepositoryKind.Dataset)) return DataFiles.Find(path, extensions, subset, split);
            using var client = hub?.Invoke() ?? new HubClient();
            var names = DataSplit.Select(path, client.ListFiles(set, cancellation).GetAwaiter().GetResult(), extensions, subset, split, oneSubset: true);
            var display = new DownloadDisplay();
            var folder = display.Track(() => client.DownloadFiles(set, names, display, cancellation).GetAwaiter().GetResult());
            return [.. names.Select(name => Path.Combine([folder, .. name.Split('/')]))];
        }
    }

    private static string Named(string path, string? subset) => subset is null ? path : $"{path} ({subset})";
}
