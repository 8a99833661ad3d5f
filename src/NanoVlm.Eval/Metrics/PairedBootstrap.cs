namespace NanoVlm.Evaluation.Metrics;

/// <summary>Whether two models' scores on the same items differ by more than chance (Efron and Tibshirani 1993; Koehn 2004, https://aclanthology.org/W04-3250).</summary>
public static class PairedBootstrap
{
    /// <summary>Draws the items again and again with replacement and looks at how B's mean differs from A's.</summary>
    /// <param name="items">Each item's group, whose items are drawn together (empty: the item by itself), and the two scores.</param>
    /// <param name="resamples">How often to draw.</param>
    /// <param name="seed">The seed of the draws; the result does not depend on the number of cores.</param>
    public static PairedDifference Of(IReadOnlyList<(string Group, double A, double B)> items, int resamples = 10_000, int seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 1);
        if (items.Count == 0)
            return new(0, 0, 0, 1, 0, 0);
        var groups = items.Select((item, i) => (Key: item.Group.Length == 0 ? (i, "") : (-1, item.Group), item.A, item.B))
            .GroupBy(item => item.Key)
            .Select(group => (Sum: group.Sum(item => item.B - item.A), Count: group.Count()))
            .ToArray();
        var sums = Array.ConvertAll(groups, group => group.Sum);
        var counts = Array.TrueForAll(groups, group => group.Count == 1) ? null : Array.ConvertAll(groups, group => group.Count);
        var differences = new double[resamples];
        Parallel.For(0, resamples, i => differences[i] = Draw(sums, counts, ((ulong)(uint)seed << 32) | (uint)i));
        Array.Sort(differences);
        var atMostZero = differences.Count(difference => difference <= 0);
        var atLeastZero = differences.Count(difference => difference >= 0);
        var p = Math.Min(1, 2.0 * (Math.Min(atMostZero, atLeastZero) + 1) / (resamples + 1));
        return new(sums.Sum() / items.Count, Interval.Quantile(differences, 0.025), Interval.Quantile(differences, 0.975), p, items.Count, groups.Length);
    }

    /// <summary>The mean difference of one draw. Its own generator (SplitMix64), so that draws can run side by side and be the same again.</summary>
    private static double Draw(double[] sums, int[]? counts, ulong state)
    {
        var sum = 0.0;
        var count = 0L;
        state = Mix(state);
        for (var i = 0; i < sums.Length; i++)
        {
            state += 0x9E3779B97F4A7C15;
            var index = (int)Math.BigMul(Mix(state), (ulong)sums.Length, out _);
            sum += sums[index];
            count += counts is null ? 1 : counts[index];
        }

        return sum / count;
    }

    private static ulong Mix(ulong state)
    {
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB;
        return state ^ (state >> 31);
    }
}

/// <summary>How much better B is than A.</summary>
/// <param name="Mean">The mean of B's scores less that of A's.</param>
/// <param name="Low">The lower end of the 95 % interval.</param>
/// <param name="High">Its upper end.</param>
/// <param name="PValue">Two-sided: how often chance alone would give a difference as far from none. Below 0.05 it is called significant.</param>
/// <param name="Items">How many items.</param>
/// <param name="Groups">How many groups were drawn from.</param>
public sealed record PairedDifference(double Mean, double Low, double High, double PValue, int Items, int Groups);
