using NanoVlm.Native;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    /// <summary>x cos + rotate_half(x) sin, where rotate_half swaps the halves of the head and negates the second.</summary>
    /// <param name="x">[B, T, H, D], D even.</param>
    /// <param name="cos">[T, D] or [B, T, D], float32.</param>
    /// <param name="sin">As cos.</param>
    /// <returns>As x.</returns>
    public static Tensor Rotary(Tensor x, Tensor cos, Tensor sin)
    {
        if (IsNative(x)) return RotaryFunction.Of(x, cos, sin);
        var halves = x.chunk(2, -1);
        var rotated = cat([-halves[1], halves[0]], -1);
        return (x * cos.unsqueeze(-2)).plus(rotated * sin.unsqueeze(-2)).to(x.dtype);
    }

    private sealed class RotaryFunction : AutogradFunction
    {
        internal static Tensor Of(Tensor x, Tensor cos, Tensor sin)
        {
            var angles = cos.shape;
            if (x.shape is not [var batch, var tokens, _, var dim] || dim % 2 != 0 || !angles.AsSpan().SequenceEqual(sin.shape)
                || angles is not [.., var rows, var width] || rows != tokens || width != dim || angles.Length > 3 || (angles.Length == 3 && angles[0] != 1 && angles[0] != batch))
                throw new ArgumentException($"Rotary: cos {Shape(cos)} and sin {Shape(sin)} do not match x {Shape(x)}; expected [T, D] or [B, T, D] for [B, T, H, D], D even.");
            return new RotaryFunction().Apply(x, cos, sin)[0];
        }

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var (cos, sin) = (AsFloat(inputs[1]!), AsFloat(inputs[2]!));
            Save(cos);
            Save(sin);
            return [Rotated(inputs[0]!, cos, sin, isBackward: false)];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved) => [Rotated(gradients[0]!, saved[0], saved[1], isBackward: true), null, null];

        private static Tensor Rotated(Tensor given, Tensor cos, Tensor sin, bool isBackward)
        {
            var x = given.stride(3) == 1 ? given : given.contiguous();
            var y = Like(x, x.dtype);
            var (batch, tokens, heads, dim) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            KernelLibrary.Rotate(new RotaryArguments
            {
                Batch = batch,
                Tokens = tokens,
                Heads = heads,
                Dim = dim,
                X = HeadsOf(x),
                Y = HeadsOf(y),
                Cos = At(cos),
                Sin = At(sin),
                AngleBatch = cos.dim() == 3 && cos.shape[0] > 1 ? tokens * dim : 0,
                Type = TypeOf(x),
                Backward = isBackward ? 1 : 0,
            }, Threads);
            return y;
        }
    }

    private static HeadsPointer HeadsOf(Tensor x) => new() { Data = At(x), Batch = x.stride(0), Token = x.stride(1), Head = x.stride(2) };

}
