namespace NanoVlm.Data.Packing;

/// <summary>
/// Fills rows of a fixed budget of tokens from a window of items. The oldest item begins a row, so that none waits for ever; then comes, again
/// and again, the longest that fits. The longest first keeps the short ones, which close gaps, in the window.
/// </summary>
/// <typeparam name="T">What stands for a sample.</typeparam>
internal sealed class RowPacker<T> : RowAssembler<T>
{
    private readonly int _budget;
    private readonly int _maxImages;
    private readonly int _window;
    private readonly int _seed;

    /// <summary>Begins, or goes on.</summary>
    /// <param name="budget">Tokens of a row.</param>
    /// <param name="maxImages">The most images of a row.</param>
    /// <param name="window">How many items are looked at for a row.</param>
    /// <param name="seed">The seed of the order within a row.</param>
    /// <param name="rows">How many rows of this stream of items were made before.</param>
    public RowPacker(int budget, int maxImages, int window, int seed, long rows = 0) : base(rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(budget, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(maxImages);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        (_budget, _maxImages, _window, _seed) = (budget, maxImages, window, seed);
    }

    private protected override int Needed => _window;

    private protected override string? Refusal(int tokens, int images) =>
        tokens > _budget ? $"The item has {tokens} tokens; a row has {_budget}."
        : images > _maxImages ? $"The item has {images} images; a row has {_maxImages}." : null;

    private protected override IReadOnlyList<T> Take(List<Waiting> waiting)
    {
        var count = Math.Min(waiting.Count, _window);
        // The window from the longest to the shortest; of two alike the older first.
        var order = new int[count - 1];
        for (var i = 0; i < order.Length; i++) order[i] = i + 1;
        Array.Sort(order, (a, b) => waiting[a].Tokens != waiting[b].Tokens ? waiting[b].Tokens - waiting[a].Tokens : a - b);

        List<int> chosen = [0];
        var (tokens, images) = (_budget - waiting[0].Tokens, _maxImages - waiting[0].Images); // left
        foreach (var i in order)
        {
            if (waiting[i].Tokens > tokens || waiting[i].Images > images) continue;
            chosen.Add(i);
            (tokens, images) = (tokens - waiting[i].Tokens, images - waiting[i].Images);
        }
        var row = chosen.Select(i => waiting[i].Item).ToArray();
        new RandomStream(_seed, Rows).Shuffle(row.AsSpan());
        Remove(waiting, chosen, count);
        return row;
    }

    private static void Remove(List<Waiting> waiting, List<int> chosen, int count)
    {
        var taken = new bool[count];
        foreach (var i in chosen) taken[i] = true;
        var kept = 0;
        for (var i = 0; i < count; i++)
            if (!taken[i]) waiting[kept++] = waiting[i];
        waiting.RemoveRange(kept, count - kept);
    }
}
