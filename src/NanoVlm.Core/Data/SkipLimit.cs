namespace NanoVlm.Data;

/// <summary>Counts what cannot be read, and ends the reading when it is too much. Safe from any thread.</summary>
/// <param name="share">The share of samples that may be unreadable.</param>
/// <param name="total">Samples of the set.</param>
/// <param name="warn">Hears of each.</param>
internal sealed class SkipLimit(double share, long total, Action<string>? warn)
{
    private const long Soon = 1000; // of the first so many the share is taken of all of them, so that one does not end it

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
            var allowed = share == 0 ? 0 : Math.Max(1, (long)(Math.Max(read, Math.Min(total, Soon)) * share));
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
