namespace NanoVlm.Data.Sources;

/// <summary>Some rows of a source, in the source's order. The source is the caller's.</summary>
internal sealed class SampleRows : SampleSource
{
    private readonly SampleSource source;
    private readonly int[] rows;

    /// <param name="source">The source.</param>
    /// <param name="rows">Indices into it, ascending.</param>
    public SampleRows(SampleSource source, int[] rows)
    {
        (this.source, this.rows) = (source, rows);
        if (source.Groups is not { } groups) return;
        var counts = new List<int>(groups.Count);
        int row = 0, end = 0;
        foreach (var size in groups)
        {
            end += size;
            var first = row;
            while (row < rows.Length && rows[row] < end) row++;
            if (row > first) counts.Add(row - first);
        }
        Groups = counts;
    }

    /// <inheritdoc/>
    public override string Name => source.Name;

    /// <inheritdoc/>
    public override int Count => rows.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<int>? Groups { get; }

    /// <inheritdoc/>
    public override RawSample this[int index] => source[rows[index]];

    /// <inheritdoc/>
    public override string FileOf(int index) => source.FileOf(rows[index]);

    /// <summary>Parts a source in two by seed: no row is in both, and each is in one.</summary>
    /// <param name="source">The source.</param>
    /// <param name="held">How many rows are held out.</param>
    /// <param name="seed">The seed.</param>
    /// <returns>The rows to train on, and those held out. Of a source with groups whole groups are held out but for the last, so that validation need not
    /// read everything.</returns>
    public static (SampleRows Train, SampleRows Held) Split(SampleSource source, int held, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(held);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(held, source.Count);
        var random = new RandomStream(seed, -1);
        var order = SampleOrder.Of(source.Count, source.Groups, 1, random);
        if (source.Groups is { } groups && held > 0 && held < order.Length)
        {
            // Of the group that is parted, any rows.
            var end = 0;
            var ends = groups.Select(size => end += size).ToArray();
            var group = GroupOf(order[held]);
            int first = held, last = held;
            while (first > 0 && GroupOf(order[first - 1]) == group) first--;
            while (last < order.Length && GroupOf(order[last]) == group) last++;
            new RandomStream(seed, -2).Shuffle(order.AsSpan(first, last - first));

            int GroupOf(int row) => Array.FindIndex(ends, stop => row < stop);
        }
        return (new(source, [.. order[held..].Order()]), new(source, [.. order[..held].Order()]));
    }

    /// <summary>Does nothing: the source is the caller's.</summary>
    public override void Dispose()
    {
    }
}
