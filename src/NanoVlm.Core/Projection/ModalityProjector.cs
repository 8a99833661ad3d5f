using NanoVlm.Configuration;
using NanoVlm.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Projection;

/// <summary>
/// From vision to language: pixel shuffle, then a linear layer without bias. Names follow nanoVLM
/// (models/modality_projector.py).
/// </summary>
public sealed class ModalityProjector : Module<Tensor, Tensor>
{
    private readonly Linear proj;
    private readonly long factor;

    /// <param name="config">The <c>mp_*</c> keys and both widths.</param>
    public ModalityProjector(VlmConfig config) : base(nameof(ModalityProjector))
    {
        factor = config.MpPixelShuffleFactor;
        proj = new Linear(config.VitHiddenDim * factor * factor, config.LmHiddenDim, hasBias: false);
        RegisterComponents();
    }

    /// <param name="x">Patch features of square images: [N, P, vision].</param>
    /// <returns>[N, P / factor^2, language].</returns>
    public override Tensor forward(Tensor x)
    {
        var side = (long)Math.Sqrt(x.shape[1]);
        return proj.call(PixelShuffle.Apply(x, side, side, factor));
    }
}
