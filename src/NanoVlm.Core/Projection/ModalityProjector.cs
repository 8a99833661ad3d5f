using NanoVlm.Configuration;
using NanoVlm.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Projection;

/// <summary>
/// From vision to language: pixel shuffle, then a linear layer without bias (nanoVLM, models/modality_projector.py), or two layers;
/// or Gemma-3's mean of each square of patches, RMS norm and linear layer. Names follow nanoVLM.
/// </summary>
public sealed class ModalityProjector : Module<Tensor, long, long, Tensor>
{
    private readonly RmsNorm? norm;
    private readonly Linear? fc1;
    private readonly Linear proj;
    private readonly ProjectorKind kind;
    private readonly long factor;

    /// <param name="config">The <c>mp_*</c> keys and both widths.</param>
    public ModalityProjector(VlmConfig config) : base(nameof(ModalityProjector))
    {
        kind = config.MpKind;
        factor = config.MpPixelShuffleFactor;
        var shuffled = config.VitHiddenDim * factor * factor;
        norm = kind == ProjectorKind.AveragePool ? new RmsNorm(config.VitHiddenDim, config.VitLnEps, unitOffset: true) : null;
        fc1 = kind == ProjectorKind.Mlp ? new Linear(shuffled, config.LmHiddenDim) : null;
        proj = kind switch
        {
            ProjectorKind.Mlp => new Linear(config.LmHiddenDim, config.LmHiddenDim),
            ProjectorKind.AveragePool => new Linear(config.VitHiddenDim, config.LmHiddenDim, hasBias: false),
            _ => new Linear(shuffled, config.LmHiddenDim, hasBias: false),
        };
        RegisterComponents();
    }

    /// <summary>Image tokens of patches.</summary>
    /// <param name="x">Patch features: [N, rows * columns, vision].</param>
    /// <param name="rows">Patches from top to bottom, a multiple of the factor.</param>
    /// <param name="columns">Patches from left to right, a multiple of the factor.</param>
    /// <returns>[N, rows * columns / factor^2, language].</returns>
    /// <exception cref="ArgumentException">The grid is not made of squares of patches.</exception>
    public override Tensor forward(Tensor x, long rows, long columns)
    {
        using var scope = NewDisposeScope();
        var squares = PixelShuffle.Apply(x, rows, columns, factor); // [N, T, r r C]
        var projected = kind switch
        {
            ProjectorKind.Mlp => proj.call(functional.gelu(fc1!.call(squares))),
            ProjectorKind.AveragePool => proj.call(norm!.call(squares.view(x.shape[0], squares.shape[1], factor * factor, x.shape[2]).mean([2]), x.dtype)),
            _ => proj.call(squares),
        };
        return projected.MoveToOuterDisposeScope();
    }
}
