using NanoVlm.Kernels;
using NanoVlm.Native;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Optimization;

/// <summary>
/// One step of AdamW, as <c>torch.optim.AdamW</c> takes it, in three ways that come to the same: decay, moments, bias correction, step.
/// </summary>
internal static class AdamWStep
{
    /// <summary>A parameter to step, its gradient and its moments.</summary>
    internal readonly record struct Work(Parameter Parameter, Tensor Gradient, FusedAdamW.State State);

    /// <summary>By the project's kernel: float32 parameters on the CPU, moments in float32 or bfloat16, all contiguous.</summary>
    internal static unsafe void ByKernel(Work[] work, in AdamWArguments options)
    {
        var gradients = Array.ConvertAll(work, one => one.Gradient.contiguous());
        var parameters = new ParameterArguments[work.Length];
        for (var i = 0; i < work.Length; i++)
        {
            var (parameter, _, state) = work[i];
            parameters[i] = new ParameterArguments
            {
                Size = parameter.numel(),
                Value = LibTorch.Address(parameter),
                Gradient = LibTorch.Address(gradients[i]),
                Average = LibTorch.Address(state.exp_avg),
                AverageSquare = LibTorch.Address(state.exp_avg_sq),
                AverageType = Operators.TypeOf(state.exp_avg),
            };
        }
        fixed (ParameterArguments* first = parameters) KernelLibrary.AdamW(parameters.Length, first, options, Operators.Threads);
        GC.KeepAlive(gradients);
    }

    /// <summary>By libtorch's fused operator: parameters and moments in float32, contiguous, on any device that has the operator.</summary>
    internal static void ByLibTorch(Work[] work, in AdamWArguments options)
    {
        foreach (var there in work.GroupBy(one => (one.Gradient.device_type, one.Gradient.device_index)))
        {
            var device = there.First().Gradient.device;
            var step = full([], scalar(options.Step), ScalarType.Float32, device);
            var divisor = options.GradScale == 1 ? null : full([], scalar(1 / options.GradScale), ScalarType.Float32, device);
            LibTorch.FusedAdamW(
                All(one => one.Parameter), All(one => one.Gradient.contiguous()),
                All(one => one.State.exp_avg), All(one => one.State.exp_avg_sq), All(_ => step),
                options.LearningRate, options.Beta1, options.Beta2, options.WeightDecay, options.Epsilon, divisor);

            Tensor[] All(Func<Work, Tensor> part) => [.. there.Select(part)];
        }
    }

    /// <summary>By plain tensor operations: any dtype, layout and device.</summary>
    internal static void ByOperations(Work[] work, in AdamWArguments options)
    {
        foreach (var (parameter, given, state) in work)
        {
            using var scope = NewDisposeScope();
            var gradient = options.GradScale == 1 ? given : given * scalar(options.GradScale);
            // The moments themselves where their dtype is the parameter's.
            var (average, square) = (state.exp_avg.to(parameter.dtype), state.exp_avg_sq.to(parameter.dtype));
            if (options.WeightDecay != 0) parameter.mul_(scalar(1 - options.LearningRate * options.WeightDecay));
            average.mul_(scalar(options.Beta1)).add_(gradient, scalar(1 - options.Beta1));
            square.mul_(scalar(options.Beta2)).addcmul_(gradient, gradient, scalar(1 - options.Beta2));
            var denominator = square.sqrt().div_(scalar(Math.Sqrt(1 - Math.Pow(options.Beta2, options.Step)))).add_(scalar(options.Epsilon), scalar(1));
            parameter.addcdiv_(average, denominator, scalar(-options.LearningRate / (1 - Math.Pow(options.Beta1, options.Step))));
            if (state.exp_avg.dtype == parameter.dtype) continue;
            state.exp_avg.copy_(average);
            state.exp_avg_sq.copy_(square);
        }
    }
}
