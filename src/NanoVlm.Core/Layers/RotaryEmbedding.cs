using NanoVlm.Configuration;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>
/// Rotary position embedding (Su et al., "RoFormer", 2021) with the ways of scaling it to longer texts that published models use
/// (transformers, modeling_rope_utils.py).
/// </summary>
public sealed class RotaryEmbedding : Module
{
    private readonly Tensor inv_freq; // [D / 2], saved with the model as nanoVLM does
    private readonly double theta;
    private readonly RopeScaling scaling;
    private readonly long maxPositionEmbeddings;
    private readonly double attentionScaling;

    /// <param name="headDim">The size of a head, D.</param>
    /// <param name="theta">The base of the wavelengths.</param>
    /// <param name="scaling">How frequencies are scaled.</param>
    /// <param name="maxPositionEmbeddings">Positions trained on.</param>
    /// <param name="attentionScaling">Factor on cosines and sines.</param>
    /// <param name="persistent">Whether the frequencies are saved with the model.</param>
    public RotaryEmbedding(long headDim, double theta, RopeScaling scaling, long maxPositionEmbeddings, double attentionScaling, bool persistent = true) : base(nameof(RotaryEmbedding))
    {
        (this.theta, this.scaling, this.maxPositionEmbeddings, this.attentionScaling) = (theta, scaling, maxPositionEmbeddings, attentionScaling);
        inv_freq = Scaled(headDim).DetachFromDisposeScope();
        register_buffer(nameof(inv_freq), inv_freq, persistent);
    }

    /// <summary>Cosines and sines of the positions' angles.</summary>
    /// <param name="positions">[T] or [B, T], Int64.</param>
    /// <param name="last">The largest position.</param>
    /// <returns>Two float32 tensors [..., D].</returns>
    public (Tensor Cos, Tensor Sin) Angles(Tensor positions, long last)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        // A module's `to` leaves buffers that are not saved where they are, so the device is the positions'.
        var frequencies = (last + 1 > maxPositionEmbeddings ? Beyond(last + 1) : inv_freq).to(positions.device);
        var angles = positions.to(ScalarType.Float32).unsqueeze(-1) * frequencies; // [..., D / 2]
        var both = cat([angles, angles], -1);
        return scope.MoveToOuter(both.cos() * scalar(attentionScaling), both.sin() * scalar(attentionScaling));
    }

    /// <summary>The same where rows are of texts of their own lengths.</summary>
    /// <param name="positions">[B, T], Int64.</param>
    /// <param name="lasts">The largest position of each row.</param>
    /// <returns>Two float32 tensors [B, T, D].</returns>
    public (Tensor Cos, Tensor Sin) Angles(Tensor positions, IReadOnlyList<long> lasts)
    {
        if (lasts.Max() < maxPositionEmbeddings || scaling.Type is not (RopeType.Nanovlm or RopeType.Dynamic)) return Angles(positions, lasts.Max());
        using var scope = NewDisposeScope();
        var rows = lasts.Select((last, row) => Angles(positions.narrow(0, row, 1), last)).ToArray();
        return scope.MoveToOuter(cat([.. rows.Select(row => row.Cos)]), cat([.. rows.Select(row => row.Sin)]));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) inv_freq.Dispose(); // a module's own disposal passes buffers over that are not saved
        base.Dispose(disposing);
    }

    // theta^(-2 i / D).
    private static Tensor Frequencies(long headDim, double theta)
    {
        var exponents = arange(scalar(0), scalar(headDim), scalar(2)).to(ScalarType.Float32) / scalar(headDim);
        return tensor((float)theta).pow(exponents).reciprocal();
    }

    private Tensor Scaled(long headDim)
    {
        using var scope = NewDisposeScope();
        var frequencies = Frequencies(headDim, theta);
        var result = scaling.Type switch
        {
            RopeType.Linear => frequencies / scalar(scaling.Factor),
            RopeType.Llama3 => Blended(frequencies),
            _ => frequencies,
        };
        return result.MoveToOuterDisposeScope();
    }

    // Llama 3.1: long wavelengths slowed by the factor, short ones left as they are.
    private Tensor Blended(Tensor frequencies)
    {
        var original = (double)(scaling.OriginalMaxPositionEmbeddings ?? maxPositionEmbeddings);
        var turns = frequencies * scalar(original / (2 * Math.PI)); // over the original length
        var kept = ((turns - scalar(scaling.LowFreqFactor)) / scalar(scaling.HighFreqFactor - scaling.LowFreqFactor)).clamp(scalar(0), scalar(1));
        return (frequencies / scalar(scaling.Factor) * (kept - scalar(1)).neg()).plus(frequencies * kept);
    }

    // For texts longer than trained on: anew at every call, so cached keys keep the angles of their own.
    private Tensor Beyond(long length)
    {
        var headDim = inv_freq.shape[0] * 2;
        return scaling.Type switch
        {
            RopeType.Nanovlm => inv_freq / scalar((float)((double)length / maxPositionEmbeddings)), // models/language_model.py, RotaryEmbedding
            RopeType.Dynamic => Frequencies(
                headDim, theta * Math.Pow(scaling.Factor * length / maxPositionEmbeddings - (scaling.Factor - 1), headDim / (headDim - 2.0))).to(inv_freq.device),
            _ => inv_freq,
        };
    }
}
