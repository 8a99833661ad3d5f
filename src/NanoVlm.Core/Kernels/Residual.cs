using NanoVlm.Native;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    /// <summary>x + branch, or x + branch * scale: what a block adds to the residual stream, which is float32 whatever the branch was computed in.</summary>
    /// <param name="x">[..., hidden], float32.</param>
    /// <param name="branch">As x; float32 or bfloat16.</param>
    /// <param name="scale">[hidden], or null.</param>
    /// <returns>As x.</returns>
    public static Tensor AddResidual(Tensor x, Tensor branch, Tensor? scale = null) =>
        IsNative(branch) && x.dtype == ScalarType.Float32 && x.shape.AsSpan().SequenceEqual(branch.shape) && (branch.dtype == ScalarType.BFloat16 || scale is not null)
            ? ResidualFunction.Of(x, branch, scale)
            : x.plus(scale is null ? branch.to(x.dtype) : branch.to(x.dtype) * scale); // of float32 alone, libtorch's sum is as fast

    private sealed class ResidualFunction : AutogradFunction
    {
        private ScalarType dtype;

        internal static Tensor Of(Tensor x, Tensor branch, Tensor? scale) => new ResidualFunction().Apply(x, branch, scale)[0];

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var (x, branch, scale) = (inputs[0]!.contiguous(), inputs[1]!.contiguous(), inputs[2] is { } given ? AsFloat(given) : null);
            dtype = branch.dtype;
            var sum = Like(x, ScalarType.Float32);
            KernelLibrary.AddResidual(x.numel() / x.shape[^1], x.shape[^1], At(x), At(branch), TypeOf(branch), At(scale), At(sum), Threads);
            if (scale is not null)
            {
                Save(inputs[1]!);
                Save(inputs[2]!);
            }
            return [sum];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            var gradient = gradients[0]!.contiguous();
            var (rows, size) = (gradient.numel() / gradient.shape[^1], gradient.shape[^1]);
            var (branch, scale) = saved is [var one, var other] ? (one.contiguous(), AsFloat(other)) : (null, null);
            var gradBranch = Like(gradient, dtype);
            var gradScale = scale is not null && IsWanted(2) ? Like(scale, ScalarType.Float32) : null;
            var type = TypeOf(gradBranch);
            KernelLibrary.AddResidualBackward(rows, size, At(gradient), At(branch), type, At(scale), At(gradBranch), At(gradScale),
                Scratch(KernelLibrary.AddResidualBackwardScratch(rows, size)), Threads);
            return [gradient, gradBranch, gradScale];
        }
    }
}
