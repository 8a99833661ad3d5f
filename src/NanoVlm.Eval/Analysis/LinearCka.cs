using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>
/// Linear centred kernel alignment of two sets of features of the same items (Kornblith et al., "Similarity of Neural Network Representations
/// Revisited", 2019): 1 where one is the other turned and scaled, 0 where they have nothing to do with each other. With fewer items than features
/// it is too large, since any features then explain much of any others; <see cref="MinibatchCka"/> is not.
/// </summary>
public static class LinearCka
{
    /// <summary>||Y^T X||^2 / (||X^T X|| ||Y^T Y||) of centred features, in Frobenius norms.</summary>
    /// <param name="x">[n, d].</param>
    /// <param name="y">[n, e].</param>
    /// <returns>0 to 1; NaN where one of the two is the same for all items.</returns>
    /// <exception cref="ArgumentException">They are not matrices of the same number of rows.</exception>
    public static double Of(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Check(x, y);
        var (a, b) = (Centred(x), Centred(y));
        var (own, other) = (SquaredNorm(a.t().mm(a)), SquaredNorm(b.t().mm(b)));
        return own > 0 && other > 0 ? SquaredNorm(b.t().mm(a)) / (Math.Sqrt(own) * Math.Sqrt(other)) : double.NaN;
    }

    /// <summary>The same of Gram matrices, which is cheaper where there are more features than items: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)).</summary>
    /// <param name="k">[n, n], such as X X^T.</param>
    /// <param name="l">[n, n].</param>
    /// <returns>As <see cref="Of"/>.</returns>
    /// <exception cref="ArgumentException">They are not square matrices of one size.</exception>
    public static double OfGrams(Tensor k, Tensor l)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Check(k, l);
        if (k.shape[0] != k.shape[1] || l.shape[0] != l.shape[1]) throw new ArgumentException($"Gram matrices are square; these are {Shape(k)} and {Shape(l)}.");
        var (a, b) = (DoublyCentred(k), DoublyCentred(l));
        var (own, other) = (SquaredNorm(a), SquaredNorm(b));
        return own > 0 && other > 0 ? (a * b).sum().to(ScalarType.Float64).item<double>() / (Math.Sqrt(own) * Math.Sqrt(other)) : double.NaN;
    }

    /// <summary>Features as differences from their mean, in float64.</summary>
    internal static Tensor Centred(Tensor x)
    {
        var wide = x.to(ScalarType.Float64);
        var centred = wide - wide.mean([0], true);
        // What rounding leaves of features that are the same for all items is nothing.
        return where(centred.abs() > scalar(1e-12) * wide.abs().amax([0], true), centred, zeros_like(centred));
    }

    internal static void Check(Tensor x, Tensor y)
    {
        if (x.dim() != 2 || y.dim() != 2 || x.shape[0] != y.shape[0] || x.shape[0] == 0)
            throw new ArgumentException($"Features are matrices with a row for each item, the same items in both; these are {Shape(x)} and {Shape(y)}.");
    }

    private static Tensor DoublyCentred(Tensor k)
    {
        var wide = k.to(ScalarType.Float64);
        return (wide - wide.mean([0], true) - wide.mean([1], true)).plus(wide.mean());
    }

    private static double SquaredNorm(Tensor x) => x.squared().sum().to(ScalarType.Float64).item<double>();

    private static string Shape(Tensor x) => $"[{string.Join(", ", x.shape)}]";
}
