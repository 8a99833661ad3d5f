using NanoVlm.Native;
using TorchSharp;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    /// <summary>
    /// Scaled dot-product attention with grouped queries, softmax in float32. A query that sees no key at all (padding before the text) gives zeros in our kernel and
    /// a mean of keys in the others; see <see cref="Visibility.PaddingSeesAll"/>.
    /// </summary>
    /// <param name="q">[B, T, H, D].</param>
    /// <param name="k">[B, S, G, D]; H is a multiple of G.</param>
    /// <param name="v">[B, S, G, D].</param>
    /// <param name="scale">Factor on the scores; usually 1 / sqrt(D).</param>
    /// <param name="visible">Which keys a query sees.</param>
    /// <returns>[B, T, H, D], contiguous.</returns>
    public static Tensor Attention(Tensor q, Tensor k, Tensor v, double scale, Visibility visible) =>
        IsNative(q) ? AttentionFunction.Of(q, k, v, scale, visible)
        : Implementation == Implementation.Composite ? CompositeAttention(q, k, v, scale, visible)
        : FusedAttention(q, k, v, scale, visible);

    private static Tensor CompositeAttention(Tensor q, Tensor k, Tensor v, double scale, Visibility visible)
    {
        var groups = q.shape[2] / k.shape[2];
        var scores = Heads(q).matmul(Repeated(k).transpose(-2, -1)).to(ScalarType.Float32) * scalar(scale); // [B, H, T, S]
        if (visible.Mask(q.shape[1], k.shape[1], q.device, ScalarType.Float32) is { } mask) scores = scores.plus(mask); // added, not filled: gradients pass, also where nothing is seen
        return scores.softmax(-1).to(q.dtype).matmul(Repeated(v)).transpose(1, 2).contiguous();

        Tensor Heads(Tensor x) => x.transpose(1, 2);
        Tensor Repeated(Tensor x) => groups == 1 ? Heads(x) : Heads(x).repeat_interleave(groups, 1);
    }

    // No scores of all heads, and no key twice: packed rows as documents of their own lengths, everything else by SDPA, with a mask only where a flag does not say it.
    private static Tensor FusedAttention(Tensor q, Tensor k, Tensor v, double scale, Visibility visible)
    {
        var (queries, keys) = (q.shape[1], k.shape[1]);
        if (visible.DocumentStarts is { } starts && q.device_type == DeviceType.CUDA && q.dtype != ScalarType.Float32)
            return LibTorch.CausalFlashAttention(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), starts, visible.LongestDocument, visible.Window, scale).view(q.shape);
        var causal = visible.IsCausalAlone && queries == keys && queries > 1;
        var mask = causal ? null : visible.Mask(queries, keys, q.device, q.dtype);
        return LibTorch.ScaledDotProductAttention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask, causal, scale).transpose(1, 2).contiguous();
    }

    private sealed class AttentionFunction(double scale, Visibility visible) : AutogradFunction
    {
        internal static Tensor Of(Tensor q, Tensor k, Tensor v, double scale, Visibility visible)
        {
            if (k.dtype != q.dtype || v.dtype != q.dtype) throw new ArgumentException($"Attention: q {q.dtype}, k {k.dtype} and v {v.dtype} differ.");
            if (q.shape is not [var batch, var queries, var heads, var dim] || k.shape is not [var rows, var keys, > 0 and var groups, var size] || !v.shape.AsSpan().SequenceEqual(k.shape)
                || rows != batch || size != dim || heads % groups != 0)
                throw new ArgumentException($"Attention: q {Shape(q)}, k {Shape(k)}, v {Shape(v)}; expected [B, T, H, D], [B, S, G, D] twice, H a multiple of G.");
            foreach (var tensor in visible.Tensors)
                if (tensor is not null && (tensor.dim() != 2 || tensor.shape[0] != batch || tensor.shape[1] != keys || tensor.is_floating_point()))
                    throw new ArgumentException($"Attention: a mask is {Shape(tensor)} {tensor.dtype}; expected integers or bool [B, S] = [{batch}, {keys}].");
            if (queries > keys && (visible.Documents ?? visible.Positions ?? visible.Spans) is not null)
                throw new ArgumentException($"Attention: documents, positions and spans need the queries to be the last of the keys; q {Shape(q)}, k {Shape(k)}.");
            return new AttentionFunction(scale, visible).Apply(q, k, v)[0];
        }

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var (q, k, v) = (UnitHeads(inputs[0]!), UnitHeads(inputs[1]!), UnitHeads(inputs[2]!));
            var needed = IsWanted(0) || IsWanted(1) || IsWanted(2);
            var y = Like(q, q.dtype);
            var logSum = needed ? empty([q.shape[0], q.shape[2], q.shape[1]], ScalarType.Float32, CPU) : null;
            Tensor?[] masks = [visible.KeyMask?.to(ScalarType.Bool).contiguous(), Whole(visible.Documents), Whole(visible.Positions), Whole(visible.Spans)];
            if (q.numel() > 0)
            {
                var attention = Arguments(q, k, v, masks) with { Out = HeadsOf(y), LogSum = At(logSum) };
                var threads = Threads;
                KernelLibrary.AttentionForward(attention, Scratch(KernelLibrary.AttentionForwardScratch(attention, threads)), threads);
            }
            if (!needed) return [y];
            foreach (var tensor in new[] { q, k, v, logSum! }) Save(tensor);
            foreach (var mask in masks)
                if (mask is not null) Save(mask);
            return [y];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            var (q, k, v, logSum) = (saved[0], saved[1], saved[2], saved[3]);
            var left = new Queue<Tensor>(saved[4..]);
            var masks = Array.ConvertAll(visible.Tensors, mask => mask is null ? null : left.Dequeue());
            var gradient = UnitHeads(gradients[0]!.to(q.dtype));
            if (q.numel() == 0) return [zeros_like(q), zeros_like(k), zeros_like(v)];
            var (gradQ, gradK, gradV) = (Like(q, q.dtype), Like(k, k.dtype), Like(v, v.dtype));
            var attention = Arguments(q, k, v, masks) with
            {
                LogSum = At(logSum),
                GradOut = HeadsOf(gradient),
                GradQ = HeadsOf(gradQ),
                GradK = HeadsOf(gradK),
                GradV = HeadsOf(gradV),
            };
            var threads = Threads;
            KernelLibrary.AttentionBackward(attention, Scratch(KernelLibrary.AttentionBackwardScratch(attention, threads)), threads);
            return [gradQ, gradK, gradV];
        }

        private AttentionArguments Arguments(Tensor q, Tensor k, Tensor v, Tensor?[] masks) => new()
        {
            Batch = q.shape[0],
            Tokens = q.shape[1],
            KeyTokens = k.shape[1],
            Heads = q.shape[2],
            Groups = k.shape[2],
            Dim = q.shape[3],
            Q = HeadsOf(q),
            K = HeadsOf(k),
            V = HeadsOf(v),
            KeyMask = At(masks[0]),
            Documents = At(masks[1]),
            Positions = At(masks[2]),
            Spans = At(masks[3]),
            Window = visible.Window,
            Causal = visible.Causal ? 1 : 0,
            Scale = (float)scale,
            Type = TypeOf(q),
        };

        private static Tensor UnitHeads(Tensor x) => x.stride(3) == 1 || x.shape[3] == 1 ? x : x.contiguous();

        private static Tensor? Whole(Tensor? numbers) => numbers?.to(ScalarType.Int64).contiguous();
    }
}
