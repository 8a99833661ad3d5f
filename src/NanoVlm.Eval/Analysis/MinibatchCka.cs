using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>
/// Linear CKA between all layers of two models from minibatches that are seen once each and not kept: sums of unbiased estimates of HSIC, divided at the
/// end (Nguyen et al., "Do Wide and Deep Networks Learn the Same Things?", 2021, equation 2). It is not inflated where items are fewer than features.
/// </summary>
internal sealed class MinibatchCka : IDisposable
{
    private Tensor? own, other, cross; // [A], [B], [A, B]: sums over minibatches

    /// <summary>Takes a minibatch.</summary>
    /// <param name="x">Of each layer of the one model, the items' features [n, width]; <see cref="UnbiasedHsic.MinimumItems"/> items or more, the same number each time.</param>
    /// <param name="y">The same of the other model.</param>
    /// <exception cref="ArgumentException">The items are too few, or not the same in all layers.</exception>
    public void Add(IReadOnlyList<Tensor> x, IReadOnlyList<Tensor> y)
    {
        using var scope = NewDisposeScope();
        foreach (var layer in x.Concat(y)) LinearCka.Check(x[0], layer);
        var (k, l) = (UnbiasedHsic.Grams(x), UnbiasedHsic.Grams(y));
        var ownSums = stack(Enumerable.Range(0, x.Count).Select(i => Itself(k, i)));
        var otherSums = stack(Enumerable.Range(0, y.Count).Select(i => Itself(l, i)));
        Sum(ref own, ownSums);
        Sum(ref other, otherSums);
        Sum(ref cross, UnbiasedHsic.Of(k, l));

        static Tensor Itself(Tensor grams, long layer) => UnbiasedHsic.Of(grams.narrow(0, layer, 1), grams.narrow(0, layer, 1)).view([]);
    }

    /// <summary>What has been added so far.</summary>
    /// <returns>[A, B]: at most about 1, around 0 for independent features; NaN where a layer is the same for all items.</returns>
    /// <exception cref="InvalidOperationException">Nothing has been added.</exception>
    public double[,] Result()
    {
        if (own is null) throw new InvalidOperationException("No minibatch has been added.");
        var (a, b, both) = (own.data<double>().ToArray(), other!.data<double>().ToArray(), cross!.data<double>().ToArray());
        var result = new double[a.Length, b.Length];
        for (var i = 0; i < a.Length; i++)
            for (var j = 0; j < b.Length; j++)
                result[i, j] = a[i] > 0 && b[j] > 0 ? both[i * b.Length + j] / (Math.Sqrt(a[i]) * Math.Sqrt(b[j])) : double.NaN;
        return result;
    }

    /// <summary>Frees the sums.</summary>
    public void Dispose()
    {
        own?.Dispose();
        other?.Dispose();
        cross?.Dispose();
    }

    private static void Sum(ref Tensor? sum, Tensor part)
    {
        var next = (sum is null ? part.clone() : sum.plus(part)).DetachFromDisposeScope();
        sum?.Dispose();
        sum = next;
    }
}
