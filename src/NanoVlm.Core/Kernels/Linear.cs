using NanoVlm.Native;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    /// <summary>x W^T + b, multiplied in x's dtype with sums in float32. The weights may be float32 masters beside a bfloat16 x; their gradients are float32 then.</summary>
    /// <param name="x">[..., in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or none.</param>
    /// <param name="result">The result's dtype; null: x's.</param>
    /// <returns>[..., out].</returns>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null, ScalarType? result = null)
    {
        var dtype = result ?? x.dtype;
        return IsNative(x) ? LinearFunction.Of(x, weight, bias, dtype) : nn.functional.linear(x, weight.to(x.dtype), bias?.to(x.dtype)).to(dtype);
    }

    private sealed class LinearFunction(ScalarType result) : AutogradFunction
    {
        private long[] shape = [];
        private ScalarType dtype, weightDtype, biasDtype;

        internal static Tensor Of(Tensor x, Tensor weight, Tensor? bias, ScalarType result)
        {
            CheckFloats("Linear", x, weight, bias);
            if (weight.dim() != 2 || x.dim() == 0 || x.shape[^1] != weight.shape[1])
                throw new ArgumentException($"Linear: x {Shape(x)} does not match weight {Shape(weight)} [out, in].");
            if (bias is not null && (bias.dim() != 1 || bias.shape[0] != weight.shape[0]))
                throw new ArgumentException($"Linear: bias {Shape(bias)} does not match weight {Shape(weight)} [out, in].");
            return new LinearFunction(result).Apply(x, weight, bias)[0];
        }

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var (x, weight, bias) = (inputs[0]!, inputs[1]!, inputs[2]);
            (shape, dtype, weightDtype, biasDtype) = (x.shape, x.dtype, weight.dtype, bias?.dtype ?? default);
            var factor = ProductWeight(weight, x.dtype);
            if (IsWanted(1)) Save(x);
            if (IsWanted(0)) Save(factor);
            return [Product(Rows(x), factor.t(), result, bias).view([.. shape[..^1], weight.shape[0]])];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            var gradient = Rows(gradients[0]!.to(dtype)); // [rows, out]
            Tensor? gradX = null, gradWeight = null, gradBias = null;
            if (IsWanted(0)) gradX = Product(gradient, saved[^1], dtype).view(shape);
            if (IsWanted(1)) gradWeight = Product(gradient.t(), Rows(saved[0]), weightDtype);
            if (IsWanted(2)) gradBias = ColumnSum(gradient).to(biasDtype);
            return [gradX, gradWeight, gradBias];
        }
    }
}
