using NanoVlm.Data;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Towers;

/// <summary>
/// Multinomial logistic regression on frozen features, which are standardised: the mean cross-entropy plus half the penalty times the squared weights, at its minimum
/// (full-batch L-BFGS). How strong the penalty is, is chosen on a part held out of the features to learn from.
/// </summary>
public sealed class LinearProbe : IDisposable
{
    /// <summary>The penalties that are tried, the strongest first.</summary>
    public static readonly IReadOnlyList<double> Penalties = [10, 1, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

    private readonly Tensor mean, deviation; // [d]
    private readonly Tensor parameters;      // [(d + 1) * classes]: weights [d, classes], then biases
    private readonly int classes;

    private LinearProbe(Tensor mean, Tensor deviation, Tensor parameters, int classes, double penalty) =>
        (this.mean, this.deviation, this.parameters, this.classes, Penalty) = (mean, deviation, parameters, classes, penalty);

    /// <summary>The penalty that was taken.</summary>
    public double Penalty { get; }

    /// <summary>Learns with the penalty that does best on features held out, and then from all of them. Of penalties that do as well as each other the
    /// strongest is taken.</summary>
    /// <param name="features">[n, d].</param>
    /// <param name="labels">Their classes, from 0.</param>
    /// <param name="classes">How many classes there are.</param>
    /// <param name="heldOut">What share is held out to choose on.</param>
    /// <param name="seed">Which ones.</param>
    /// <exception cref="ArgumentException">There are not as many labels as features.</exception>
    public static LinearProbe FitBest(Tensor features, IReadOnlyList<int> labels, int classes, double heldOut = 0.2, int seed = 0)
    {
        using var scope = NewDisposeScope();
        var order = Enumerable.Range(0, labels.Count).ToArray();
        new RandomStream(seed).Shuffle<int>(order);
        var held = (int)Math.Round(labels.Count * heldOut);
        if (held == 0 || held == labels.Count) return Fit(features, labels, classes, Penalties[Penalties.Count / 2]);
        var (choose, learn) = (order[..held], order[held..]);
        var (x, y) = (Rows(learn), learn.Select(i => labels[i]).ToArray());
        var (queries, right) = (Rows(choose), choose.Select(i => labels[i]).ToArray());
        var (best, most) = (Penalties[0], -1);
        Tensor? from = null; // one penalty's minimum is near the next one's
        foreach (var penalty in Penalties)
        {
            using var inner = NewDisposeScope();
            using var probe = Fit(x, y, classes, penalty, from);
            from?.Dispose();
            from = probe.parameters.clone().MoveToOuterDisposeScope();
            var hits = probe.Logits(queries).argmax(1).data<long>().ToArray().Zip(right).Count(pair => pair.First == pair.Second);
            if (hits > most) (best, most) = (penalty, hits);
        }
        return Fit(features, labels, classes, best, from);

        Tensor Rows(int[] indexes) => features.index_select(0, tensor(indexes.Select(i => (long)i).ToArray()));
    }

    /// <summary>Learns with a given penalty.</summary>
    /// <param name="features">[n, d].</param>
    /// <param name="labels">Their classes, from 0.</param>
    /// <param name="classes">How many classes there are.</param>
    /// <param name="penalty">Above 0.</param>
    /// <exception cref="ArgumentException">There are not as many labels as features.</exception>
    public static LinearProbe Fit(Tensor features, IReadOnlyList<int> labels, int classes, double penalty) => Fit(features, labels, classes, penalty, null);

    /// <summary>Computes the logits of features. The class with the largest is the answer.</summary>
    /// <param name="features">[m, d].</param>
    /// <returns>[m, classes], float64.</returns>
    public Tensor Logits(Tensor features)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (weights, biases) = Split(parameters, mean.shape[0], classes);
        return ((features.to(ScalarType.Float64) - mean) / deviation).mm(weights).plus(biases).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        mean.Dispose();
        deviation.Dispose();
        parameters.Dispose();
    }

    /// <summary>The loss and its gradient.</summary>
    /// <param name="x">[n, d], standardised, float64.</param>
    /// <param name="targets">[n, classes], a 1 a row, float64.</param>
    /// <param name="parameters">[(d + 1) * classes].</param>
    /// <param name="penalty">On the weights; biases are free.</param>
    internal static (double Value, Tensor Gradient) Loss(Tensor x, Tensor targets, Tensor parameters, double penalty)
    {
        var (n, size, count) = (x.shape[0], x.shape[1], targets.shape[1]);
        var (weights, biases) = Split(parameters, size, count);
        var logs = x.mm(weights).plus(biases).log_softmax(1);
        var value = -(logs * targets).sum().to(ScalarType.Float64).item<double>() / n + penalty / 2 * weights.squared().sum().to(ScalarType.Float64).item<double>();
        var errors = (logs.exp() - targets) / scalar(n);
        return (value, cat([x.t().mm(errors).plus(weights * scalar(penalty)).view(-1), errors.sum([0])], 0));
    }

    private static LinearProbe Fit(Tensor features, IReadOnlyList<int> labels, int classes, double penalty, Tensor? from)
    {
        if (features.shape[0] != labels.Count || labels.Count == 0) throw new ArgumentException($"{features.shape[0]} features have {labels.Count} labels; there must be as many, and some.");
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var wide = features.to(ScalarType.Float64);
        var mean = wide.mean([0]);
        var spread = (wide - mean).squared().mean([0]).sqrt();
        var deviation = where(spread > wide.abs().amax(0) * scalar(1e-12), spread, ones_like(spread)); // a feature that never changes tells nothing
        var x = (wide - mean) / deviation;
        var targets = zeros(labels.Count, classes, dtype: ScalarType.Float64).scatter(1, tensor(labels.Select(label => (long)label).ToArray()).unsqueeze(1), ones(labels.Count, 1, dtype: ScalarType.Float64));
        var parameters = Lbfgs.Minimize(at => Loss(x, targets, at, penalty), from ?? zeros((features.shape[1] + 1) * classes, dtype: ScalarType.Float64));
        return new LinearProbe(mean.DetachFromDisposeScope(), deviation.DetachFromDisposeScope(), parameters.DetachFromDisposeScope(), classes, penalty);
    }

    private static (Tensor Weights, Tensor Biases) Split(Tensor parameters, long size, long classes) =>
        (parameters.narrow(0, 0, size * classes).view(size, classes), parameters.narrow(0, size * classes, classes));
}
