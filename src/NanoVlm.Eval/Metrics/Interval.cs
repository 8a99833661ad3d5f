namespace NanoVlm.Evaluation.Metrics;

/// <summary>How sure a figure is: the 95 % interval around it.</summary>
public static class Interval
{
    private const double Z = 1.96; // 95 % of a normal distribution lies within so many standard deviations

    /// <summary>Half the width for a share: 1.96 sqrt(p (1 - p) / n).</summary>
    /// <param name="share">From 0 to 1.</param>
    /// <param name="count">The number of items; for 0 the width is 0.</param>
    public static double OfShare(double share, int count) => count == 0 ? 0 : Z * Math.Sqrt(Math.Max(0, share * (1 - share)) / count);

    /// <summary>Half the width for a mean: 1.96 s / sqrt(n), with s the standard deviation of the values; of zeros and ones the same as <see cref="OfShare"/>.</summary>
    /// <param name="values">The values; of none the width is 0.</param>
    public static double OfMean(IReadOnlyCollection<double> values)
    {
        if (values.Count == 0)
            return 0;
        var mean = values.Average();
        return Z * Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / values.Count / values.Count);
    }

    /// <summary>The interval of any figure, from drawing its items again and again with replacement (Efron 1979): half the width, from the 2.5 % and 97.5 % quantiles.</summary>
    /// <param name="items">The items.</param>
    /// <param name="figure">The figure of as many drawn items.</param>
    /// <param name="group">Items of one group are drawn together, as MME's two questions about an image; null: each by itself.</param>
    /// <param name="resamples">How often to draw.</param>
    /// <param name="seed">The seed of the draws.</param>
    /// <returns>Half the distance of the two quantiles; 0 of no items.</returns>
    public static double Bootstrap<T>(IReadOnlyList<T> items, Func<IReadOnlyList<T>, double> figure, Func<T, string>? group = null, int resamples = 1000, int seed = 0)
    {
        if (items.Count == 0)
            return 0;
        var groups = group is null ? [.. items.Select(item => (T[])[item])] : items.GroupBy(group).Select(members => members.ToArray()).ToArray();
        var random = new Random(seed);
        var drawn = new List<T>(items.Count);
        var figures = new double[Math.Max(1, resamples)];
        for (var i = 0; i < figures.Length; i++)
        {
            drawn.Clear();
            for (var j = 0; j < groups.Length; j++)
                drawn.AddRange(groups[random.Next(groups.Length)]);
            figures[i] = figure(drawn);
        }

        Array.Sort(figures);
        return (Quantile(figures, 0.975) - Quantile(figures, 0.025)) / 2;
    }

    /// <summary>A quantile of sorted values, between two of them by their distance.</summary>
    internal static double Quantile(double[] sorted, double share)
    {
        var position = share * (sorted.Length - 1);
        var below = (int)position;
        return below + 1 < sorted.Length ? sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]) : sorted[below];
    }
}
