using NanoVlm.Configuration;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>
/// DINOv3's rotary positions of patches (Simeoni et al., "DINOv3", 2025): rows and columns as coordinates in [-1, 1], so that images of any
/// size span the same, each turning half of a head. In training the coordinates are shifted and stretched at random where
/// the architecture says so. Tokens before the patches are not turned.
/// </summary>
public sealed class RotaryEmbedding2D : Module
{
    private readonly VisionConfig config;

    /// <param name="config">The architecture.</param>
    public RotaryEmbedding2D(VisionConfig config) : base(nameof(RotaryEmbedding2D)) => this.config = config;

    /// <summary>Cosines and sines of all tokens' angles.</summary>
    /// <param name="rows">Patches from top to bottom.</param>
    /// <param name="columns">Patches from left to right.</param>
    /// <param name="device">Where they are needed.</param>
    /// <returns>Two float32 tensors [prefix + rows * columns, D].</returns>
    public (Tensor Cos, Tensor Sin) Angles(long rows, long columns, Device device)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var headDim = config.HiddenSize / config.NumAttentionHeads;
        var frequencies = tensor((float)config.RopeTheta).pow(range(headDim / 4).to(ScalarType.Float32) * scalar(4.0 / headDim)).reciprocal(); // [D / 4]
        var coordinates = stack([Centres(rows).repeat_interleave(columns), Centres(columns).repeat([rows])], 1); // [P, 2]
        if (training) coordinates = Moved(coordinates);
        var angles = (coordinates.unsqueeze(2) * scalar(2 * Math.PI) * frequencies).flatten(1); // [P, D / 2]: rows, then columns
        var both = cat([angles, angles], 1);
        var (cos, sin) = (both.cos(), both.sin());
        var prefix = config.PrefixTokens;
        return scope.MoveToOuter(cat([ones(prefix, headDim), cos], 0).to(device), cat([zeros(prefix, headDim), sin], 0).to(device));
    }

    private static Tensor Centres(long count) => range(count).to(ScalarType.Float32).plus(0.5) / scalar(count) * scalar(2) - scalar(1);

    private Tensor Moved(Tensor coordinates)
    {
        if (config.RopeShift is { } shift) coordinates = coordinates.plus((rand([1, 2]) * scalar(2) - scalar(1)) * scalar(shift));
        if (config.RopeJitter is { } jitter) coordinates = coordinates * ((rand([1, 2]) * scalar(2) - scalar(1)) * scalar(Math.Log(jitter))).exp();
        if (config.RopeRescale is { } rescale) coordinates = coordinates * ((rand([1]) * scalar(2) - scalar(1)) * scalar(Math.Log(rescale))).exp();
        return coordinates;
    }
}
