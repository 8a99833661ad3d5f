namespace NanoVlm.Data;

/// <summary>Counts what cannot be read, and ends the reading when it is too much. Safe from any thread.</summary>
/// <param name="share">The share of samples that may be unreadable.</param>
/// <param name="total">Samples of the set: the share is of these, or of what was read where that is more.</param>
/// <param name="warn">Hears of each.</param>
internal sealed class SkipLimit(double share, long total, Action<string>? warn)
{
    private readonly Lock guard = new();
    private readonly Dictionary<string, int> byFile = [];
    private long read, skipped;

    public long Skipped
    {
        get
        {
            lock (guard) return skipped;
        }
    }

    public void Begin(LoaderCounts before) => (read, skipped) = (before.Read, before.Skipped);

    public void Read()
    {
        lock (guard) read++;
    }

    /// <exception cref="NanoVlmException">It was one too many; names the files with most and the fault.</exception>
    public void Skip(string file, NanoVlmException fault)
    {
        lock (guard)
        {
            skipped++;
            byFile[file] = byFile.GetValueOrDefault(file) + 1;
            var allowed = Math.Max(1, (long)(Math.Max(read, total) * share));
            if (skipped <= allowed)
            {
                warn?.Invoke($"skipped a sample: {fault.Message}");
                return;
            }
            var most = string.Join(", ", byFile.OrderByDescending(pair => pair.Value).Take(5).Select(pair => $"{pair.Key} ({pair.Value})"));
            throw new NanoVlmException(
                $"{skipped} of {read} samples cannot be read, more than the {allowed} that may be skipped (data.max_skipped). Most are in {most}{(byFile.Count > 5 ? $" and {byFile.Count - 5} other files" : "")}. The last: {fault.Message}", fault);
        }
    }
}
