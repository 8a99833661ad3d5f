using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>
/// Attention followed through all layers (Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020): heads averaged, half of each token kept
/// for the residual connection, rows brought to a sum of 1, and the layers' matrices multiplied.
/// </summary>
public static class AttentionRollout
{
    /// <summary>Follows attention from the last layer to the first.</summary>
    /// <param name="layers">Of each block, the first at first, [heads, T, T] of query by key.</param>
    /// <returns>[T, T], float64: how much of each of the first layer's tokens is in each of the last's; rows add up to 1.</returns>
    /// <exception cref="ArgumentException">There are no layers.</exception>
    public static Tensor Of(IEnumerable<Tensor> layers)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Tensor? rollout = null;
        foreach (var probabilities in layers)
        {
            using var inner = NewDisposeScope();
            var before = rollout;
            rollout = Step(before, probabilities).MoveToOuterDisposeScope();
            before?.Dispose();
        }
        return rollout?.MoveToOuterDisposeScope() ?? throw new ArgumentException("There are no layers.", nameof(layers));
    }

    /// <summary>The rollout with one layer more.</summary>
    /// <param name="rollout">[T, T] up to the layer before; null for the first.</param>
    /// <param name="probabilities">[heads, T, T].</param>
    internal static Tensor Step(Tensor? rollout, Tensor probabilities)
    {
        using var scope = NewDisposeScope();
        var mean = probabilities.to(ScalarType.Float64).mean([0]);
        var mixed = (mean * scalar(0.5)).plus(eye(mean.shape[0], dtype: ScalarType.Float64) * scalar(0.5));
        mixed = mixed / mixed.sum(-1, true);
        return (rollout is null ? mixed : mixed.mm(rollout)).MoveToOuterDisposeScope();
    }
}
