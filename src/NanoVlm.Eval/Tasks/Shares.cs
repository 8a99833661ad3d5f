namespace NanoVlm.Evaluation.Tasks;

/// <summary>Mean scores: over all items, and by category.</summary>
internal static class Shares
{
    /// <summary><c>accuracy</c>, then each category in alphabetical order.</summary>
    internal static IReadOnlyList<Figure> Of(IReadOnlyList<ScoredItem> items, string name = "accuracy") =>
    [
        Mean(name, items),
        .. items.GroupBy(item => item.Reference.Category).Where(category => category.Key != "").OrderBy(category => category.Key, StringComparer.Ordinal)
            .Select(category => Mean(category.Key, [.. category])),
    ];

    private static Figure Mean(string name, IReadOnlyList<ScoredItem> items)
    {
        if (items.Count == 0) return new Figure(name, 0, 0, 0);
        var mean = items.Average(item => item.Score);
        var variance = items.Count == 1 ? 0 : items.Sum(item => (item.Score - mean) * (item.Score - mean)) / items.Count;
        return new Figure(name, mean, items.Count, 1.96 * Math.Sqrt(variance / items.Count));
    }
}
