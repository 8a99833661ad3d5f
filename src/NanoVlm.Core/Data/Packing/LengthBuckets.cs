namespace NanoVlm.Data.Packing;

/// <summary>
/// Rows of one item each, in an order in which the rows of a batch are about as long as each other: a window of items is cut by length
/// into batches, and those are shuffled.
/// </summary>
/// <typeparam name="T">What stands for a sample.</typeparam>
internal sealed class LengthBuckets<T> : RowAssembler<T>
{
    private readonly int _batchSize;
    private readonly int _window;
    private readonly int _seed;

    /// <summary>Begins, or goes on.</summary>
    /// <param name="batchSize">Rows of a batch.</param>
    /// <param name="window">How many items are sorted at once; rounded up to whole batches.</param>
    /// <param name="seed">The seed of the order of the batches.</param>
    /// <param name="rows">How many rows of this stream of items were made before.</param>
    public LengthBuckets(int batchSize, int window, int seed, long rows = 0) : base(rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        (_batchSize, _window, _seed) = (batchSize, checked((window + batchSize - 1) / batchSize * batchSize), seed);
    }

    // Rows of the present window that are made: its other items lead those that wait, sorted already.
    private int Made => (int)(Rows % _window);

    private protected override int Needed => _window - Made;

    private protected override IReadOnlyList<T> Take(List<Waiting> waiting)
    {
        if (Made == 0) Sort(waiting);
        var first = waiting[0].Item;
        waiting.RemoveAt(0);
        return [first];
    }

    private void Sort(List<Waiting> waiting)
    {
        var count = Math.Min(waiting.Count, _window);
        // A batch that is not full can only be the last, or the batches after it would not hold what was meant for them.
        var batches = waiting.Take(count).OrderBy(item => item.Tokens).Chunk(_batchSize).ToArray();
        new RandomStream(_seed, Rows).Shuffle(batches.AsSpan(0, count / _batchSize));
        var at = 0;
        foreach (var batch in batches)
            foreach (var item in batch)
                waiting[at++] = item;
    }
}
