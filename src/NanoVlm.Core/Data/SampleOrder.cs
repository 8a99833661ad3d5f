namespace NanoVlm.Data;

/// <summary>The order of a source's rows in an epoch, a function of its keys alone.</summary>
internal static class SampleOrder
{
    /// <summary>A random order. Rows that are read together stay near each other: their groups are shuffled, then rows within a window.</summary>
    /// <param name="count">How many rows there are.</param>
    /// <param name="groups">Sizes of the groups that are read together, or null: any row may come at any time.</param>
    /// <param name="window">Rows of groups one after the other that are shuffled among themselves.</param>
    /// <param name="random">Seed, source and epoch.</param>
    /// <returns>Indices into the source, each once.</returns>
    public static int[] Of(int count, IReadOnlyList<int>? groups, int window, RandomStream random)
    {
        var order = new int[count];
        if (groups is null)
        {
            for (var i = 0; i < count; i++) order[i] = i;
            random.Shuffle(order.AsSpan());
            return order;
        }
        var starts = new (int Start, int Size)[groups.Count];
        for (int group = 0, start = 0; group < starts.Length; start += groups[group++]) starts[group] = (start, groups[group]);
        random.Shuffle(starts.AsSpan());
        var filled = 0;
        foreach (var (start, size) in starts)
            for (var row = 0; row < size; row++)
                order[filled++] = start + row;
        for (var start = 0; start < count; start += window)
            random.Shuffle(order.AsSpan(start, Math.Min(window, count - start)));
        return order;
    }
}
