using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>Principal components of patch features: the directions in which patches differ most.</summary>
internal static class PatchComponents
{
    /// <summary>Projects features on their first principal components. A component's sign is fixed: the feature that weighs most in it weighs more than 0.</summary>
    /// <param name="features">[n, d].</param>
    /// <param name="count">How many components.</param>
    /// <returns>The projections, [n, count], float64, and the share of the whole variance that each component explains. Components that there are not, for
    /// want of items, features or variance, are 0.</returns>
    public static (Tensor Projections, double[] Explained) Of(Tensor features, int count = 3)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var x = LinearCka.Centred(features);
        var (items, width) = (x.shape[0], x.shape[1]);
        var projections = zeros(items, count, dtype: ScalarType.Float64);
        var explained = new double[count];
        var (values, vectors) = linalg.eigh(x.t().mm(x)); // ascending
        var variances = values.data<double>().ToArray();
        var whole = variances.Sum(variance => Math.Max(0, variance));
        for (var i = 0; i < Math.Min(count, width); i++)
        {
            var variance = variances[width - 1 - i];
            if (!(variance > 1e-10 * whole)) break; // the rest is rounding
            var axis = vectors.select(1, width - 1 - i);
            var heaviest = axis.abs().argmax().item<long>();
            projections.select(1, i).copy_(x.mv(axis) * scalar(Math.Sign(axis[heaviest].to(ScalarType.Float64).item<double>())));
            explained[i] = variance / whole;
        }
        return (projections.MoveToOuterDisposeScope(), explained);
    }

    /// <summary>Projections as bytes: each component by itself from its low percentile, 0, to its high one, 255.</summary>
    /// <param name="projections">[n, 3].</param>
    /// <param name="percentile">What share, in percent, is cut off at either end.</param>
    /// <returns>[n, 3]; 128 where a component is the same for all.</returns>
    public static byte[] ToColours(Tensor projections, double percentile = 1)
    {
        var values = projections.to(ScalarType.Float64).contiguous().data<double>().ToArray();
        var (items, count) = ((int)projections.shape[0], (int)projections.shape[1]);
        var bytes = new byte[values.Length];
        for (var i = 0; i < count; i++)
        {
            var sorted = Enumerable.Range(0, items).Select(item => values[item * count + i]).Order().ToArray();
            var (low, high) = (Percentile(sorted, percentile), Percentile(sorted, 100 - percentile));
            for (var item = 0; item < items; item++)
                bytes[item * count + i] = high > low ? (byte)Math.Round(255 * Math.Clamp((values[item * count + i] - low) / (high - low), 0, 1)) : (byte)128;
        }
        return bytes;
    }

    // Linear between the two nearest, as numpy's default.
    private static double Percentile(double[] sorted, double percent)
    {
        var place = percent / 100 * (sorted.Length - 1);
        var below = (int)place;
        return sorted[below] + (place - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]);
    }
}
