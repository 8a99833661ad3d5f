using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>
/// Normalised pointwise-information block similarity of two sets of embeddings: how much it tells about an item's embedding in the one set to know
/// which embedding it is alike in the other.
/// <para>
/// With c(x, y) the cosine of embedding x of the first set and y of the second, and t the temperature:
/// p(x, y) = exp(c(x, y) / t) / (the sum of it over all n m pairs), one softmax over the whole matrix;
/// p(x) = the sum of p(x, y) over y, p(y) = the sum of p(x, y) over x;
/// H(X) = -sum p(x) log p(x) and H(Y) = -sum p(y) log p(y), the entropies of these marginals;
/// NPIB = sum over x, y of p(x, y) log(p(x, y) / (p(x) p(y))) / sqrt(H(X) H(Y)).
/// </para>
/// <para>
/// The sum is the mutual information I(X; Y) of one joint distribution and its own marginals, so 0 &lt;= I &lt;= min(H(X), H(Y)) &lt;= sqrt(H(X) H(Y)), and NPIB
/// is from 0 to 1. It is 0 where the joint is the product of the marginals, as where all cosines are alike; 1 where each embedding has
/// one partner alone: the same, well separated embeddings at a low temperature. Where an entropy is 0 (one item) nothing is told, and it is 0.
/// </para>
/// </summary>
public static class Npib
{
    /// <summary>The temperature where none is given: CLIP's first.</summary>
    public const double DefaultTemperature = 0.07;

    /// <summary>The similarity of two sets in one space, such as images and texts of a dual encoder.</summary>
    /// <param name="x">[n, d].</param>
    /// <param name="y">[m, d].</param>
    /// <param name="temperature">Above 0; what cosines are divided by.</param>
    /// <returns>0 to 1.</returns>
    /// <exception cref="ArgumentException">The embeddings are not matrices of one width, or the temperature is not above 0.</exception>
    public static double Of(Tensor x, Tensor y, double temperature = DefaultTemperature)
    {
        if (x.dim() != 2 || y.dim() != 2 || x.shape[1] != y.shape[1] || x.shape[0] == 0 || y.shape[0] == 0)
            throw new ArgumentException($"Embeddings are matrices of one width; these are [{string.Join(", ", x.shape)}] and [{string.Join(", ", y.shape)}]. {nameof(Profiles)} brings sets of one list of items into one space.");
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return OfCosines(UnitLength(x).mm(UnitLength(y).t()), temperature);
    }

    /// <summary>The same of cosines, or of other similarities.</summary>
    /// <param name="similarities">[n, m].</param>
    /// <param name="temperature">Above 0.</param>
    /// <returns>0 to 1.</returns>
    /// <exception cref="ArgumentException">It is no matrix, or the temperature is not above 0.</exception>
    public static double OfCosines(Tensor similarities, double temperature = DefaultTemperature)
    {
        if (similarities.dim() != 2 || similarities.numel() == 0) throw new ArgumentException("Similarities are a matrix.", nameof(similarities));
        if (!(temperature > 0)) throw new ArgumentException($"The temperature is above 0, not {temperature}.", nameof(temperature));
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var wide = similarities.to(ScalarType.Float64);
        var joint = ((wide - wide.max()) / scalar(temperature)).view(-1).log_softmax(0).view(wide.shape); // log p(x, y); the largest is taken off before it can overflow
        var (rows, columns) = (joint.logsumexp(1, true), joint.logsumexp(0, true));              // log p(x), log p(y)
        var information = Expected(joint, joint - rows - columns);
        var (entropyX, entropyY) = (-Expected(rows, rows), -Expected(columns, columns));
        return entropyX > 0 && entropyY > 0 ? Math.Clamp(information / (Math.Sqrt(entropyX) * Math.Sqrt(entropyY)), 0, 1) : 0;

        // The sum of p times a value, where p is not 0.
        static double Expected(Tensor logProbabilities, Tensor values)
        {
            var p = logProbabilities.exp();
            return where(p > scalar(0), p * values, zeros_like(p)).sum().to(ScalarType.Float64).item<double>();
        }
    }

    /// <summary>
    /// Embeddings by their likeness to each other, for sets whose spaces have nothing in common: the cosines of each with all of its own set, after the
    /// set's mean is taken off (relative representations, Moschella et al., 2023, with all items as anchors). Turning and scaling the embeddings changes nothing.
    /// </summary>
    /// <param name="x">[n, d].</param>
    /// <returns>[n, n], float64.</returns>
    public static Tensor Profiles(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var unit = UnitLength(LinearCka.Centred(x));
        return unit.mm(unit.t()).MoveToOuterDisposeScope();
    }

    // A vector of zeros stays one.
    private static Tensor UnitLength(Tensor x)
    {
        var wide = x.to(ScalarType.Float64);
        var length = wide.squared().sum(1, true).sqrt();
        return wide / where(length > scalar(0), length, ones_like(length));
    }
}
