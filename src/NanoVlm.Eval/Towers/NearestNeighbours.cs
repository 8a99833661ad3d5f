using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Towers;

/// <summary>
/// Classes by the votes of the nearest known features (Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", 2018; as in DINO,
/// Caron et al., 2021): of the k with the largest cosine, each votes for its class with exp(cosine / temperature).
/// </summary>
internal static class NearestNeighbours
{
    /// <summary>DINO's k.</summary>
    public const int DefaultCount = 20;

    /// <summary>DINO's temperature.</summary>
    public const double DefaultTemperature = 0.07;

    private const int QueriesAtOnce = 256;

    /// <summary>The votes for each class.</summary>
    /// <param name="known">[n, d].</param>
    /// <param name="labels">The classes of these, from 0.</param>
    /// <param name="queries">[m, d].</param>
    /// <param name="classes">How many classes there are.</param>
    /// <param name="count">k; all that are known where there are fewer.</param>
    /// <param name="temperature">Above 0.</param>
    /// <returns>[m, classes], float32.</returns>
    /// <exception cref="ArgumentException">Nothing is known, or numbers do not fit together.</exception>
    public static Tensor Votes(Tensor known, IReadOnlyList<int> labels, Tensor queries, int classes, int count = DefaultCount, double temperature = DefaultTemperature)
    {
        if (known.shape[0] != labels.Count || labels.Count == 0 || count < 1 || !(temperature > 0))
            throw new ArgumentException($"{known.shape[0]} features of {labels.Count} labels, k {count}, temperature {temperature}: there must be as many, 1 or more, and above 0.");
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var keys = ImageTextTowers.Unit(known.to(ScalarType.Float32)).t();
        var k = Math.Min(count, labels.Count);
        var votes = new float[queries.shape[0] * classes];
        for (var start = 0L; start < queries.shape[0]; start += QueriesAtOnce)
        {
            using var inner = NewDisposeScope();
            var some = queries.narrow(0, start, Math.Min(QueriesAtOnce, queries.shape[0] - start)).to(ScalarType.Float32);
            var (cosines, places) = ImageTextTowers.Unit(some).mm(keys).topk(k, 1);
            // Less 1, the largest cosine, so that no temperature overflows: only votes' proportions count.
            var weights = ((cosines.to(ScalarType.Float64) - scalar(1)) / scalar(temperature)).exp().data<double>().ToArray();
            var indexes = places.data<long>().ToArray();
            for (var i = 0; i < indexes.Length; i++) votes[(start + i / k) * classes + labels[(int)indexes[i]]] += (float)weights[i];
        }
        return tensor(votes, [queries.shape[0], classes]).MoveToOuterDisposeScope();
    }
}
