#if TORCHSHARP
using static TorchSharp.torch;

namespace NanoVlm.Layers;

// With the TorchSharp package there are no fused kernels: the composites run.
public static partial class Kernels
{
    private const bool Loaded = false;

    /// <summary>Keeps the moments of an optimizer in a dtype: here in the parameters' alone.</summary>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="dtype">Float32.</param>
    /// <exception cref="NanoVlmException">Another dtype.</exception>
    public static void KeepMoments(TorchSharp.Modules.AdamW optimizer, ScalarType dtype)
    {
        if (dtype != ScalarType.Float32) throw new NanoVlmException("train.optimizer_state: TorchSharp's AdamW keeps moments in float32 only; use fp32.");
    }

    private static Tensor FusedLinear(Tensor x, Tensor weight, Tensor? bias) => throw Absent();

    private static Tensor FusedRmsNorm(Tensor x, Tensor weight, double eps, bool unitOffset) => throw Absent();

    private static Tensor FusedLayerNorm(Tensor x, Tensor weight, Tensor bias, double eps) => throw Absent();

    private static Tensor FusedGeluTanh(Tensor x) => throw Absent();

    private static Tensor FusedSwiGlu(Tensor gate, Tensor up) => throw Absent();

    private static Tensor FusedEmbedding(Tensor weight, Tensor ids, ScalarType dtype) => throw Absent();

    private static Tensor FusedRotary(Tensor x, Tensor cos, Tensor sin) => throw Absent();

    private static Tensor FusedAttention(Tensor q, Tensor k, Tensor v, double scale, Visibility visible) => throw Absent();

    private static Tensor FusedLinearCrossEntropy(Tensor hidden, Tensor weight, Tensor targets) => throw Absent();

    private static NotSupportedException Absent() => new("The fused kernels are not in this build.");
}
#endif
