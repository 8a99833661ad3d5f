using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>
/// Rotary position embedding (Su et al., "RoFormer", 2021). Beyond the trained length the frequencies are divided by
/// (last position + 1) / length, anew at every call, as in nanoVLM (models/language_model.py, RotaryEmbedding).
/// </summary>
public sealed class RotaryEmbedding : Module
{
    private readonly Tensor inv_freq; // [D / 2], saved with the model as nanoVLM does
    private readonly long maxPositionEmbeddings;
    private readonly double attentionScaling;

    /// <param name="headDim">The size of a head, D.</param>
    /// <param name="theta">The base of the wavelengths.</param>
    /// <param name="maxPositionEmbeddings">Positions up to which frequencies are unscaled.</param>
    /// <param name="attentionScaling">Factor on cosines and sines.</param>
    public RotaryEmbedding(long headDim, double theta, long maxPositionEmbeddings, double attentionScaling) : base(nameof(RotaryEmbedding))
    {
        this.maxPositionEmbeddings = maxPositionEmbeddings;
        this.attentionScaling = attentionScaling;
        using var scope = NewDisposeScope();
        var exponents = arange(0, headDim, 2).to(ScalarType.Float32) / headDim;
        inv_freq = tensor((float)theta).pow(exponents).reciprocal().DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <summary>Cosines and sines of the positions' angles.</summary>
    /// <param name="positions">[T] or [B, T], Int64.</param>
    /// <param name="last">The largest position.</param>
    /// <returns>Two float32 tensors [..., D].</returns>
    public (Tensor Cos, Tensor Sin) Angles(Tensor positions, long last)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var frequencies = last + 1 > maxPositionEmbeddings ? inv_freq / (float)((double)(last + 1) / maxPositionEmbeddings) : inv_freq;
        var angles = positions.to(ScalarType.Float32).unsqueeze(-1) * frequencies; // [..., D / 2]
        var both = cat([angles, angles], -1);
        return scope.MoveToOuter(both.cos() * attentionScaling, both.sin() * attentionScaling);
    }
}
