using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>Figures of scored items, with their 95 % intervals.</summary>
internal static class Figures
{
    /// <summary>The mean of the scores.</summary>
    public static Figure Mean(string name, IReadOnlyList<ScoredItem> items) => Mean(name, items, 1);

    /// <summary>The sum of the scores, of as much as there are items.</summary>
    public static Figure Sum(string name, IReadOnlyList<ScoredItem> items) => Mean(name, items, items.Count);

    /// <summary>The mean, of equal weight, of the means of groups.</summary>
    public static Figure MeanOfMeans(string name, IReadOnlyList<ScoredItem> items, Func<ScoredItem, string> group)
    {
        Figure[] parts = [.. By(items, group, Mean)];
        var count = Math.Max(1, parts.Length);
        return new Figure(name, parts.Sum(part => part.Value) / count, items.Count, Root(parts) / count);
    }

    /// <summary>A figure for each group that has a name, in the order of the names.</summary>
    public static IEnumerable<Figure> By(IReadOnlyList<ScoredItem> items, Func<ScoredItem, string> group, Func<string, IReadOnlyList<ScoredItem>, Figure> figure) =>
        items.GroupBy(group).Where(of => of.Key.Length > 0).OrderBy(of => of.Key, StringComparer.Ordinal).Select(of => figure(of.Key, [.. of]));

    /// <summary>The mean of each category.</summary>
    public static IEnumerable<Figure> MeanByCategory(IReadOnlyList<ScoredItem> items) => By(items, item => item.Reference.Category, Mean);

    /// <summary>Half the width of the interval of a sum of independent figures.</summary>
    public static double Root(IEnumerable<Figure> parts) => Math.Sqrt(parts.Sum(part => part.Interval * part.Interval));

    private static Figure Mean(string name, IReadOnlyList<ScoredItem> items, double scale)
    {
        double[] scores = [.. items.Select(item => item.Score)];
        return new Figure(name, scale * (scores.Length == 0 ? 0 : scores.Average()), scores.Length, scale * Interval.OfMean(scores), scale);
    }
}
