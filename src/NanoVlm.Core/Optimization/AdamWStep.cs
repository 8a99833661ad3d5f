using NanoVlm.Kernels;
using NanoVlm.Native;
using TorchSharp.Modules;
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
            var step = full([], options.Step, ScalarType.Float32, device);
            var divisor = options.GradScale == 1 ? null : full([], 1 / options.GradScale, ScalarType.Float32, device);
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
            var gradient = options.GradScale == 1 ? given : given * options.GradScale;
            // The moments themselves where their dtype is the parameter's.
            var (average, square) = (state.exp_avg.to(parameter.dtype), state.exp_avg_sq.to(parameter.dtype));
            if (options.WeightDecay != 0) parameter.mul_(1 - options.LearningRate * options.WeightDecay);
            average.mul_(options.Beta1).add_(gradient, 1 - options.Beta1);
            square.mul_(options.Beta2).addcmul_(gradient, gradient, 1 - options.Beta2);
            var denominator = square.sqrt().div_(Math.Sqrt(1 - Math.Pow(options.Beta2, options.Step))).add_(options.Epsilon);
            parameter.addcdiv_(average, denominator, -options.LearningRate / (1 - Math.Pow(options.Beta1, options.Step)));
            if (state.exp_avg.dtype == parameter.dtype) continue;
            state.exp_avg.copy_(average);
            state.exp_avg_sq.copy_(square);
        }
    }
}
