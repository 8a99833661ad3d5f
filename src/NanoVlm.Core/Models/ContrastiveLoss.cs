using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>Losses of images and texts that belong together pair by pair: image i and text i.</summary>
public static class ContrastiveLoss
{
    /// <summary>SigLIP's: each pair by itself is together or not. The mean over the texts (Zhai et al., 2023, algorithm 1).</summary>
    /// <param name="logits">[N, N], scaled and shifted; see <see cref="DualEncoder.Logits"/>.</param>
    /// <returns>A number.</returns>
    public static Tensor Sigmoid(Tensor logits)
    {
        using var scope = NewDisposeScope();
        var signs = eye(logits.shape[0], device: logits.device) * scalar(2) - scalar(1); // 1 on the diagonal, -1 elsewhere
        return (functional.logsigmoid(logits * signs).sum() / scalar(-logits.shape[0])).MoveToOuterDisposeScope();
    }

    /// <summary>CLIP's: which text belongs to an image, and which image to a text (Radford et al., "Learning Transferable Visual Models From
    /// Natural Language Supervision", 2021, figure 3).</summary>
    /// <param name="logits">[N, N], scaled.</param>
    /// <returns>A number.</returns>
    public static Tensor InfoNce(Tensor logits)
    {
        using var scope = NewDisposeScope();
        var own = range(logits.shape[0], device: logits.device);
        return (functional.cross_entropy(logits, own).plus(functional.cross_entropy(logits.t(), own)) / scalar(2)).MoveToOuterDisposeScope();
    }
}
