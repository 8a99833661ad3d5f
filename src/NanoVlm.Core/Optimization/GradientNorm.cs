using NanoVlm.Kernels;
using NanoVlm.Native;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Optimization;

/// <summary>How large the gradients of a step are.</summary>
public static class GradientNorm
{
    /// <summary>The Euclidean norm of all gradients together; not finite where one of them is not. Waits for the device.</summary>
    /// <param name="parameters">The parameters; those without a gradient count as zeros.</param>
    public static double Measure(IEnumerable<Parameter> parameters)
    {
        AutogradNode.ThrowIfFailed();
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var byKernel = new List<Tensor>();
        var others = new List<Tensor>();
        foreach (var parameter in parameters)
            if (parameter.grad is { } gradient) (IsForKernel(gradient) ? byKernel : others).Add(gradient);
        var squares = byKernel.Count > 0 ? SumSquares(byKernel) : 0;
        foreach (var there in others.GroupBy(gradient => (gradient.device_type, gradient.device_index)))
            squares += stack(there.Select(gradient => gradient.norm().to(ScalarType.Float64))).squared().sum().to(ScalarType.Float64).item<double>();
        return Math.Sqrt(squares);
    }

    private static bool IsForKernel(Tensor gradient) => Operators.IsNative(gradient) && gradient.is_contiguous();

    private static unsafe double SumSquares(IReadOnlyList<Tensor> gradients)
    {
        ArrayArguments[] arrays = [.. gradients.Select(gradient => new ArrayArguments
        {
            Size = gradient.numel(),
            Data = LibTorch.Address(gradient),
            Type = Operators.TypeOf(gradient),
        })];
        fixed (ArrayArguments* first = arrays)
        {
            var scratch = Operators.Scratch(KernelLibrary.SumSquaresScratch(arrays.Length, first));
            return KernelLibrary.SumSquares(arrays.Length, first, scratch, Operators.Threads);
        }
    }
}
