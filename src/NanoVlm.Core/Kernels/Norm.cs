using NanoVlm.Native;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    /// <summary>x / sqrt(mean(x^2) + eps) * weight, in float32 inside (Zhang and Sennrich, 2019).</summary>
    /// <param name="x">[..., hidden].</param>
    /// <param name="weight">[hidden].</param>
    /// <param name="eps">Added to the mean square.</param>
    /// <param name="unitOffset">Whether to multiply by 1 + weight, as Gemma does.</param>
    /// <param name="result">The result's dtype; null: x's.</param>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double eps, bool unitOffset = false, ScalarType? result = null)
    {
        var dtype = result ?? x.dtype;
        if (IsNative(x)) return NormFunction.Of(x, weight, null, eps, isRms: true, unitOffset, dtype);
        var wide = x.to(ScalarType.Float32);
        return (wide * wide.squared().mean([-1], true).plus(eps).rsqrt() * (unitOffset ? weight.plus(1) : weight)).to(dtype);
    }

    /// <summary>Layer normalisation of the last dimension, in float32 inside.</summary>
    /// <param name="x">[..., hidden].</param>
    /// <param name="weight">[hidden].</param>
    /// <param name="bias">[hidden].</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="result">The result's dtype; null: x's.</param>
    public static Tensor LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps, ScalarType? result = null)
    {
        var dtype = result ?? x.dtype;
        return IsNative(x)
            ? NormFunction.Of(x, weight, bias, eps, isRms: false, unitOffset: false, dtype)
            : nn.functional.layer_norm(x.to(ScalarType.Float32), [x.shape[^1]], weight, bias, eps).to(dtype);
    }

    private sealed class NormFunction(double eps, bool isRms, bool unitOffset, ScalarType result) : AutogradFunction
    {
        private ScalarType weightDtype;

        internal static Tensor Of(Tensor x, Tensor weight, Tensor? bias, double eps, bool isRms, bool unitOffset, ScalarType result)
        {
            CheckFloats("Norm", x, weight, bias);
            if (x.dim() == 0 || weight.dim() != 1 || x.shape[^1] != weight.shape[0] || (bias is not null && bias.numel() != weight.numel()))
                throw new ArgumentException($"Norm: x {Shape(x)} does not match weight {Shape(weight)}{(bias is null ? "" : " and bias " + Shape(bias))}.");
            return new NormFunction(eps, isRms, unitOffset, result).Apply(x, weight, bias)[0];
        }

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var (x, weight, bias) = (inputs[0]!, AsFloat(inputs[1]!), inputs[2] is { } given ? AsFloat(given) : null);
            weightDtype = inputs[1]!.dtype;
            var rows = Rows(x);
            var y = Like(x, result);
            var mean = isRms ? null : empty(rows.shape[0], ScalarType.Float32);
            var inverse = empty(rows.shape[0], ScalarType.Float32);
            KernelLibrary.NormForward(Arguments(rows, weight, mean, inverse) with { Bias = At(bias), Y = At(y) }, Threads);
            Save(x);
            Save(inputs[1]!);
            Save(inverse);
            if (mean is not null) Save(mean);
            return [y];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            var (x, weight, inverse, mean) = (saved[0], AsFloat(saved[1]), saved[2], isRms ? null : saved[3]);
            var gradient = gradients[0]!.to(result).contiguous();
            var rows = Rows(x);
            var gradX = Like(x, x.dtype);
            var gradWeight = IsWanted(1) ? Like(weight, ScalarType.Float32) : null;
            var gradBias = IsWanted(2) ? Like(weight, ScalarType.Float32) : null;
            var norm = Arguments(rows, weight, mean, inverse) with { GradY = At(gradient), GradX = At(gradX), GradWeight = At(gradWeight), GradBias = At(gradBias) };
            KernelLibrary.NormBackward(norm, Scratch(KernelLibrary.NormBackwardScratch(norm)), Threads);
            return [gradX, gradWeight?.to(weightDtype), gradBias?.to(weightDtype)];
        }

        private NormArguments Arguments(Tensor rows, Tensor weight, Tensor? mean, Tensor inverse) => new()
        {
            Rows = rows.shape[0],
            Dim = rows.shape[1],
            X = At(rows),
            XRow = rows.stride(0),
            XType = TypeOf(rows),
            YType = result == ScalarType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32,
            Weight = At(weight),
            Mean = At(mean),
            Inverse = At(inverse),
            Epsilon = (float)eps,
            AddOne = unitOffset ? 1 : 0,
        };
    }
}
