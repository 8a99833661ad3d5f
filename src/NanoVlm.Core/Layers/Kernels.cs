using NanoVlm.Configuration;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Layers;

/// <summary>
/// The operations whose speed decides the training step's. Each is a fused kernel of the project's native library
/// (native/kernels/cpu) where that is loaded and the tensors are on the CPU in float32 or bfloat16, and otherwise the
/// composite of plain tensor operations, which is also the kernel's oracle in the tests.
/// </summary>
public static partial class Kernels
{
    /// <summary>
    /// Whether the fused kernels are used where they can be. Off with <c>NANOVLM_FUSED=0</c>, and where the native
    /// library is not loaded. Set it before tensors are made: forward and backward must agree.
    /// </summary>
    public static bool Fused { get; set; } = false && Environment.GetEnvironmentVariable("NANOVLM_FUSED") != "0";

    /// <summary>x W^T + b in x's dtype; the weights may be float32 masters.</summary>
    /// <param name="x">[..., in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or none.</param>
    /// <returns>[..., out].</returns>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null) => Takes(x)
        ? FusedLinear(x, weight, bias)
        : nn.functional.linear(x, weight.to(x.dtype), bias?.to(x.dtype));

    /// <summary>x / sqrt(mean(x^2) + eps) * weight, in float32 inside (Zhang and Sennrich, 2019).</summary>
    /// <param name="x">[..., hidden].</param>
    /// <param name="weight">[hidden].</param>
    /// <param name="eps">Added to the mean square.</param>
    /// <param name="unitOffset">Whether to multiply by 1 + weight, as Gemma does.</param>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double eps, bool unitOffset = false)
    {
        if (Takes(x)) return FusedRmsNorm(x, weight, eps, unitOffset);
        var wide = x.to(ScalarType.Float32);
        return (wide * (wide.square().mean([-1], true) + eps).rsqrt() * (unitOffset ? weight + 1 : weight)).to(x.dtype);
    }

    /// <summary>Layer normalisation of the last dimension, in float32 inside.</summary>
    /// <param name="x">[..., hidden].</param>
    /// <param name="weight">[hidden].</param>
    /// <param name="bias">[hidden].</param>
    /// <param name="eps">Added to the variance.</param>
    public static Tensor LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps) => Takes(x)
        ? FusedLayerNorm(x, weight, bias, eps)
        : nn.functional.layer_norm(x.to(ScalarType.Float32), [x.shape[^1]], weight, bias, eps).to(x.dtype);

    /// <summary>The tanh approximation of GELU.</summary>
    public static Tensor GeluTanh(Tensor x) => Takes(x) ? FusedGeluTanh(x) : nn.functional.gelu(x, TorchSharp.Modules.GELU.Approximate.tanh);

    /// <summary>An activation, element by element.</summary>
    public static Tensor Activate(Tensor x, Activation activation) => activation switch
    {
        Activation.GeluTanh => GeluTanh(x),
        Activation.Gelu => nn.functional.gelu(x),
        Activation.QuickGelu => x * (x * 1.702).sigmoid(),
        _ => nn.functional.silu(x),
    };

    /// <summary>SiLU(gate) * up (Shazeer, "GLU Variants Improve Transformer", 2020).</summary>
    public static Tensor SwiGlu(Tensor gate, Tensor up) => Takes(gate) ? FusedSwiGlu(gate, up) : nn.functional.silu(gate) * up;

    /// <summary>Rows of an embedding in the compute dtype; the gradient is summed in a fixed order.</summary>
    /// <param name="weight">[vocabulary, hidden].</param>
    /// <param name="ids">Int64, any shape.</param>
    /// <param name="dtype">The result's dtype.</param>
    /// <returns>[ids' shape, hidden].</returns>
    public static Tensor Embedding(Tensor weight, Tensor ids, ScalarType dtype)
    {
        if (Takes(weight)) return FusedEmbedding(weight, ids, dtype);
        var shape = ids.shape;
        return weight.index_select(0, ids.reshape(-1)).view([.. shape, weight.shape[1]]).to(dtype);
    }

    /// <summary>x cos + rotate_half(x) sin, where rotate_half swaps the halves of the head and negates the second.</summary>
    /// <param name="x">[B, T, H, D].</param>
    /// <param name="cos">[T, D] or [B, T, D], float32.</param>
    /// <param name="sin">As cos.</param>
    public static Tensor Rotary(Tensor x, Tensor cos, Tensor sin)
    {
        if (Takes(x)) return FusedRotary(x, cos, sin);
        var halves = x.chunk(2, -1);
        var rotated = cat([-halves[1], halves[0]], -1);
        return (x * cos.unsqueeze(-2) + rotated * sin.unsqueeze(-2)).to(x.dtype);
    }

    /// <summary>
    /// Scaled dot-product attention with grouped queries. A query that sees no key at all (padding before the text) gives
    /// zeros in the kernel and a mean of keys in the composite; see <see cref="Visibility.PaddingSeesAll"/>.
    /// </summary>
    /// <param name="q">[B, T, H, D].</param>
    /// <param name="k">[B, S, G, D]; H is a multiple of G.</param>
    /// <param name="v">[B, S, G, D].</param>
    /// <param name="scale">Factor on the scores; usually 1 / sqrt(D).</param>
    /// <param name="visible">Which keys a query sees.</param>
    /// <returns>[B, T, H, D], contiguous.</returns>
    public static Tensor Attention(Tensor q, Tensor k, Tensor v, double scale, Visibility visible)
    {
        if (Takes(q)) return FusedAttention(q, k, v, scale, visible);
        var groups = q.shape[2] / k.shape[2];
        var scores = Heads(q).matmul(Repeated(k).transpose(-2, -1)).to(ScalarType.Float32) * scale; // [B, H, T, S]
        var seen = visible.Seen(q.shape[1], k.shape[1], q.device)?.unsqueeze(1); // [1 or B, 1, T, S]
        if (visible.KeyMask is { } mask)
        {
            var hidden = (mask == 0).unsqueeze(1).unsqueeze(1); // [B, 1, 1, S]
            if (visible.PaddingSeesAll && seen is not null) (hidden, seen) = (hidden | seen.logical_not(), null);
            scores = scores + hidden.to(ScalarType.Float32) * finfo(ScalarType.Float32).min; // added, not filled: gradients pass, also where nothing is seen
        }
        if (seen is not null) scores = scores.masked_fill(seen.logical_not(), double.NegativeInfinity);
        return scores.softmax(-1).to(q.dtype).matmul(Repeated(v)).transpose(1, 2).contiguous();

        Tensor Heads(Tensor x) => x.transpose(1, 2);
        Tensor Repeated(Tensor x) => groups == 1 ? Heads(x) : Heads(x).repeat_interleave(groups, 1);
    }

    /// <summary>
    /// Attention of one new token a row to the keys that a cache holds: adds the token's key and value, in the slot of the oldest where the row's slots are full,
    /// and sees all that are there then.
    /// </summary>
    /// <param name="q">[B, 1, H, D].</param>
    /// <param name="k">[B, 1, G, D]; H is a multiple of G.</param>
    /// <param name="v">[B, 1, G, D].</param>
    /// <param name="keys">[R, S, G, D], added to.</param>
    /// <param name="values">[R, S, G, D], added to.</param>
    /// <param name="rows">[B], Int64: the place of each row among the R; none twice.</param>
    /// <param name="lengths">[B], Int64: the tokens that each row has had.</param>
    /// <param name="longest">The largest of them.</param>
    /// <param name="scale">Factor on the scores.</param>
    /// <returns>[B, 1, H, D].</returns>
    public static Tensor CachedAttention(Tensor q, Tensor k, Tensor v, Tensor keys, Tensor values, Tensor rows, Tensor lengths, long longest, double scale)
    {
        if (Takes(q)) return FusedCachedAttention(q, k, v, keys, values, rows, lengths, scale);
        var slots = keys.shape[1];
        var slot = rows * slots + lengths.remainder(slots);
        keys.flatten(0, 1).index_copy_(0, slot, k.squeeze(1));
        values.flatten(0, 1).index_copy_(0, slot, v.squeeze(1));
        var held = Math.Min(longest + 1, slots);
        var there = arange(held, device: q.device) <= lengths.unsqueeze(1); // [B, held]
        return Attention(q, Held(keys), Held(values), scale, new Visibility { KeyMask = there });

        Tensor Held(Tensor memory) => memory.narrow(1, 0, held).index_select(0, rows);
    }

    /// <summary>The cross-entropy of a language head. The logits of all rows never exist at once: they are made chunk by chunk, in the backward again.</summary>
    /// <param name="hidden">[N, hidden].</param>
    /// <param name="weight">The head: [vocabulary, hidden].</param>
    /// <param name="targets">[N], Int64; all are labels.</param>
    /// <param name="softcap">Bounds logits smoothly, as Gemma-2 does: cap * tanh(logits / cap); null: not.</param>
    /// <returns>The sum of the losses, a float32 number.</returns>
    public static Tensor LinearCrossEntropy(Tensor hidden, Tensor weight, Tensor targets, double? softcap = null)
    {
        if (Takes(hidden) && softcap is null) return FusedLinearCrossEntropy(hidden, weight, targets);
        const long rows = 1024;
        Tensor? total = null;
        var start = 0L;
        do // once at least: the loss of no rows is a zero that has gradients
        {
            var count = Math.Min(rows, hidden.shape[0] - start);
            var sum = ActivationCheckpoint.Run(
                chunk => nn.functional.cross_entropy(Capped(Linear(chunk[0]!, chunk[1]!).to(ScalarType.Float32)), chunk[2]!, reduction: nn.Reduction.Sum),
                hidden.narrow(0, start, count), weight, targets.narrow(0, start, count));
            total = total is null ? sum : total + sum;
            start += count;
        }
        while (start < hidden.shape[0]);
        return total;

        Tensor Capped(Tensor logits) => softcap is { } cap ? (logits / cap).tanh() * cap : logits;
    }

    private static Tensor FusedLinear(Tensor x, Tensor weight, Tensor? bias) => throw new NotSupportedException();
    private static Tensor FusedRmsNorm(Tensor x, Tensor weight, double eps, bool unitOffset) => throw new NotSupportedException();
    private static Tensor FusedLayerNorm(Tensor x, Tensor weight, Tensor bias, double eps) => throw new NotSupportedException();
    private static Tensor FusedGeluTanh(Tensor x) => throw new NotSupportedException();
    private static Tensor FusedSwiGlu(Tensor gate, Tensor up) => throw new NotSupportedException();
    private static Tensor FusedEmbedding(Tensor weight, Tensor ids, ScalarType dtype) => throw new NotSupportedException();
    private static Tensor FusedRotary(Tensor x, Tensor cos, Tensor sin) => throw new NotSupportedException();
    private static Tensor FusedAttention(Tensor q, Tensor k, Tensor v, double scale, Visibility visible) => throw new NotSupportedException();
    private static Tensor FusedCachedAttention(Tensor q, Tensor k, Tensor v, Tensor keys, Tensor values, Tensor rows, Tensor lengths, double scale) => throw new NotSupportedException();
    private static Tensor FusedLinearCrossEntropy(Tensor hidden, Tensor weight, Tensor targets) => throw new NotSupportedException();

    private static bool Takes(Tensor x) =>
        Fused && (x.dtype is ScalarType.Float32 or ScalarType.BFloat16) && x.device_type == DeviceType.CPU;
}
