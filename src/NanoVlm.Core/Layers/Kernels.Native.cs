#if !TORCHSHARP
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Layers;

// The fused kernels by name: native/kernels/cpu, each with its contract at the top of its file.
public static partial class Kernels
{
    private static readonly CustomOperator? linear = find_operator("nanovlm::linear");
    private static readonly CustomOperator? rms_norm = find_operator("nanovlm::rms_norm");
    private static readonly CustomOperator? layer_norm = find_operator("nanovlm::layer_norm");
    private static readonly CustomOperator? gelu_tanh = find_operator("nanovlm::gelu_tanh");
    private static readonly CustomOperator? swiglu = find_operator("nanovlm::swiglu");
    private static readonly CustomOperator? embedding = find_operator("nanovlm::embedding");
    private static readonly CustomOperator? rotary = find_operator("nanovlm::rotary");
    private static readonly CustomOperator? attention = find_operator("nanovlm::attention");
    private static readonly CustomOperator? cached_attention = find_operator("nanovlm::cached_attention");
    private static readonly CustomOperator? linear_cross_entropy = find_operator("nanovlm::linear_cross_entropy");

    /// <summary>Keeps the moments that an optimizer has not made yet in a dtype; they are computed in the parameters'.</summary>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="dtype">Float32 or BFloat16.</param>
    public static void KeepMoments(AdamW optimizer, ScalarType dtype) => optimizer.StateDtype = dtype;

    private static bool Loaded => find_operator("nanovlm::linear") is not null;

    private static Tensor FusedLinear(Tensor x, Tensor weight, Tensor? bias) => linear!.Call(x, weight, bias);

    private static Tensor FusedRmsNorm(Tensor x, Tensor weight, double eps, bool unitOffset) => rms_norm!.Call(x, weight, eps, unitOffset);

    private static Tensor FusedLayerNorm(Tensor x, Tensor weight, Tensor bias, double eps) => layer_norm!.Call(x, weight, bias, eps);

    private static Tensor FusedGeluTanh(Tensor x) => gelu_tanh!.Call(x);

    private static Tensor FusedSwiGlu(Tensor gate, Tensor up) => swiglu!.Call(gate, up);

    private static Tensor FusedEmbedding(Tensor weight, Tensor ids, ScalarType dtype) => embedding!.Call(weight, ids, (long)dtype);

    private static Tensor FusedRotary(Tensor x, Tensor cos, Tensor sin) => rotary!.Call(x, cos, sin, 2);

    private static Tensor FusedAttention(Tensor q, Tensor k, Tensor v, double scale, Visibility visible) =>
        attention!.Call(q, k, v, visible.KeyMask, visible.Documents, visible.Positions, visible.Spans, visible.Causal, visible.Window, scale);

    private static Tensor FusedCachedAttention(Tensor q, Tensor k, Tensor v, Tensor keys, Tensor values, Tensor rows, Tensor lengths, double scale) =>
        cached_attention!.Call(q, k, v, keys, values, rows, lengths, scale);

    private static Tensor FusedLinearCrossEntropy(Tensor hidden, Tensor weight, Tensor targets)
    {
        var results = linear_cross_entropy!.Invoke(hidden, weight, targets, -100);
        results[1]!.Dispose();
        return results[0]!;
    }
}
#endif
