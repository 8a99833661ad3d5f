using NanoVlm.Configuration;
using NanoVlm.Native;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    /// <summary>The tanh approximation of GELU: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.</summary>
    public static Tensor GeluTanh(Tensor x) => IsNative(x) ? GeluFunction.Of(x) : nn.functional.gelu(x, TorchSharp.Modules.GELU.Approximate.tanh);

    /// <summary>SiLU(gate) * up (Shazeer, "GLU Variants Improve Transformer", 2020).</summary>
    public static Tensor SwiGlu(Tensor gate, Tensor up) => IsNative(gate) ? SwiGluFunction.Of(gate, up) : nn.functional.silu(gate) * up;

    /// <summary>An activation, element by element.</summary>
    public static Tensor Activate(Tensor x, Activation activation) => activation switch
    {
        Activation.GeluTanh => GeluTanh(x),
        Activation.Gelu => nn.functional.gelu(x),
        Activation.QuickGelu => x * (x * scalar(1.702)).sigmoid(),
        _ => nn.functional.silu(x),
    };

    private sealed class GeluFunction : AutogradFunction
    {
        internal static Tensor Of(Tensor x) => new GeluFunction().Apply(x)[0];

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var x = inputs[0]!.contiguous();
            var y = Like(x, x.dtype);
            KernelLibrary.GeluTanh(x.numel(), At(x), At(y), TypeOf(x), Threads);
            Save(inputs[0]!);
            return [y];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            var x = saved[0].contiguous();
            var gradient = gradients[0]!.to(x.dtype).contiguous();
            var gradX = Like(x, x.dtype);
            KernelLibrary.GeluTanhBackward(x.numel(), At(x), At(gradient), At(gradX), TypeOf(x), Threads);
            return [gradX];
        }
    }

    private sealed class SwiGluFunction : AutogradFunction
    {
        internal static Tensor Of(Tensor gate, Tensor up)
        {
            if (gate.dtype != up.dtype || !gate.shape.AsSpan().SequenceEqual(up.shape))
                throw new ArgumentException($"SwiGlu: gate {Shape(gate)} {gate.dtype} and up {Shape(up)} {up.dtype} differ.");
            return new SwiGluFunction().Apply(gate, up)[0];
        }

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var (gate, up) = (inputs[0]!.contiguous(), inputs[1]!.contiguous());
            var y = Like(gate, gate.dtype);
            KernelLibrary.SwiGlu(gate.numel(), At(gate), At(up), At(y), TypeOf(gate), Threads);
            Save(inputs[0]!);
            Save(inputs[1]!);
            return [y];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            var (gate, up) = (saved[0].contiguous(), saved[1].contiguous());
            var gradient = gradients[0]!.to(gate.dtype).contiguous();
            var (gradGate, gradUp) = (Like(gate, gate.dtype), Like(gate, gate.dtype));
            KernelLibrary.SwiGluBackward(gate.numel(), At(gate), At(up), At(gradient), At(gradGate), At(gradUp), TypeOf(gate), Threads);
            return [gradGate, gradUp];
        }
    }
}
