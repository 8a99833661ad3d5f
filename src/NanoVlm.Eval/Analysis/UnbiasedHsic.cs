using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>
/// The unbiased estimator of the Hilbert-Schmidt independence criterion (Song et al., "Feature Selection via Dependence Maximization", 2012,
/// equation 5). Its mean over samples is the population's value, so that it can be averaged over minibatches; of independent features it is around 0,
/// below 0 as often as above.
/// </summary>
internal static class UnbiasedHsic
{
    /// <summary>The fewest items that it is defined for.</summary>
    public const int MinimumItems = 4;

    /// <summary>The estimates of all pairs of a Gram matrix from one stack and one from another: with zeroed diagonals,
    /// (tr(K L) + (1^T K 1)(1^T L 1) / ((n - 1)(n - 2)) - 2 / (n - 2) 1^T K L 1) / (n (n - 3)).</summary>
    /// <param name="k">[A, n, n], symmetric, float64.</param>
    /// <param name="l">[B, n, n].</param>
    /// <returns>[A, B], float64.</returns>
    /// <exception cref="ArgumentException">The shapes are others, or there are fewer than <see cref="MinimumItems"/> items.</exception>
    public static Tensor Of(Tensor k, Tensor l)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        if (k.dim() != 3 || l.dim() != 3 || k.shape[1] != k.shape[2] || !k.shape[1..].SequenceEqual(l.shape[1..]))
            throw new ArgumentException($"Two stacks of Gram matrices of the same items are needed; these are [{string.Join(", ", k.shape)}] and [{string.Join(", ", l.shape)}].");
        var n = k.shape[1];
        if (n < MinimumItems) throw new ArgumentException($"The unbiased estimate needs {MinimumItems} items or more, not {n}.");
        var off = ones(n, n, dtype: ScalarType.Float64) - eye(n, dtype: ScalarType.Float64);
        var (a, b) = (k * off, l * off);
        var traces = a.flatten(1).mm(b.flatten(1).t()); // [A, B]
        var (rowsA, rowsB) = (a.sum(2), b.sum(2));      // [A, n], [B, n]
        var totals = rowsA.sum(1).outer(rowsB.sum(1));
        var products = rowsA.mm(rowsB.t());
        double m = n; // n^4 does not fit a long for long lists
        return ((traces.plus(totals / scalar((m - 1) * (m - 2))) - products * scalar(2 / (m - 2))) / scalar(m * (m - 3))).MoveToOuterDisposeScope();
    }

    /// <summary>Linear Gram matrices X X^T of centred features, stacked. Centring changes nothing but the rounding.</summary>
    /// <param name="features">Of each layer, [n, its width].</param>
    /// <returns>[layers, n, n], float64.</returns>
    public static Tensor Grams(IReadOnlyList<Tensor> features)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return stack(features.Select(layer =>
        {
            using var inner = NewDisposeScope();
            var x = LinearCka.Centred(layer);
            return x.mm(x.t()).MoveToOuterDisposeScope();
        })).MoveToOuterDisposeScope();
    }
}
