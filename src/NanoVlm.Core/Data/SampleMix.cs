using System.Globalization;
using System.Runtime.InteropServices;
using NanoVlm.Data.Sources;

namespace NanoVlm.Data;

/// <summary>One sample drawn from a mix: its source, and how many samples that source gave before it.</summary>
/// <param name="Source">Which source.</param>
/// <param name="Number">How many were taken from it before, over all its epochs.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Draw(int Source, long Number);

/// <summary>
/// Sources mixed by weight into an endless order that is a function of the seed alone. A source of n rows and weight w has n * w rows in an epoch of the
/// mix, spread evenly; with all weights 1, every row comes once an epoch. Each source has an order of its own in each of its own epochs.
/// </summary>
public sealed class SampleMix
{
    private readonly IReadOnlyList<SampleSource> sources;
    private readonly double[] shares;
    private readonly int seed, window;
    private readonly bool shuffle;
    private readonly Dictionary<(int Source, long Epoch), int[]> orders = [];

    /// <param name="sources">The sources with their weights; the caller's.</param>
    /// <param name="seed">The seed of the order.</param>
    /// <param name="shuffle">Whether each epoch has a random order of its own; otherwise that of the source.</param>
    /// <param name="window">How many rows are shuffled among themselves in a source that is read in groups.</param>
    /// <exception cref="NanoVlmException">There is nothing to read.</exception>
    public SampleMix(IReadOnlyList<(SampleSource Source, double Weight)> sources, int seed, bool shuffle = true, int window = 1024)
    {
        (this.sources, this.seed, this.shuffle, this.window) = ([.. sources.Select(part => part.Source)], seed, shuffle, window);
        shares = [.. sources.Select(part => part.Source.Count * part.Weight)];
        if (sources.FirstOrDefault(part => part.Source.Count == 0).Source is { } empty) throw new NanoVlmException($"{empty.Name}: the data set is empty; there is nothing to read.");
        if (sources.Count > 0 && EpochLength < 1) throw new NanoVlmException($"The weights make an epoch of no sample: {string.Join(", ", sources.Select(part => $"{part.Source.Name} {part.Weight.ToString(CultureInfo.InvariantCulture)}"))}; raise them.");
        if (sources.Count == 0) throw new NanoVlmException("There is no data set to read.");
    }

    /// <summary>The sources.</summary>
    public IReadOnlyList<SampleSource> Sources => sources;

    /// <summary>What decides the order, besides the sources' sizes.</summary>
    internal string Settings => string.Create(CultureInfo.InvariantCulture, $"shares {string.Join("/", shares.Select(share => share.ToString("0.###", CultureInfo.InvariantCulture)))}, {(shuffle ? $"shuffled by seed {seed} in windows of {window}" : "not shuffled")}");

    /// <summary>Samples of an epoch.</summary>
    public long EpochLength => (long)Math.Round(shares.Sum());

    /// <summary>The first samples of the order, each when it is asked for.</summary>
    public IEnumerable<Func<RawSample>> FromStart()
    {
        var taken = new long[sources.Count];
        while (true)
        {
            var source = Next(taken);
            var row = RowOf(new Draw(source, taken[source]++));
            yield return () => sources[source][row];
        }
    }

    /// <summary>Which source the next sample comes from: the one that is furthest behind its share.</summary>
    /// <param name="taken">How many were taken of each.</param>
    public int Next(ReadOnlySpan<long> taken)
    {
        var next = 0;
        for (var i = 1; i < shares.Length; i++)
            if ((taken[i] + 0.5) * shares[next] < (taken[next] + 0.5) * shares[i])
                next = i;
        return next;
    }

    /// <summary>A draw's row. Not thread-safe.</summary>
    /// <param name="draw">The draw.</param>
    /// <returns>The source's row.</returns>
    public int RowOf(Draw draw)
    {
        var count = sources[draw.Source].Count;
        var (epoch, place) = Math.DivRem(draw.Number, count);
        if (!shuffle) return (int)place;
        if (!orders.TryGetValue((draw.Source, epoch), out var order))
        {
            // What waits in a packer may be of the epoch before.
            foreach (var old in orders.Keys.Where(key => key.Source == draw.Source && key.Epoch < epoch - 1).ToArray()) orders.Remove(old);
            orders[(draw.Source, epoch)] = order = SampleOrder.Of(count, sources[draw.Source].Groups, window, draw.Source == 0 ? new RandomStream(seed, epoch) : new RandomStream(seed, epoch, draw.Source));
        }
        return order[place];
    }
}
