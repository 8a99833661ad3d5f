using NanoVlm.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Kernels;

/// <summary>
/// Activation checkpointing (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016): of a block only its inputs are kept for the
/// backward, which computes the block again. The gradients are the same to the last bit, dropout included: the block draws the same numbers twice.
/// </summary>
internal static class ActivationCheckpoint
{
    /// <summary>
    /// Runs a block and keeps its inputs alone. A block that is not training, or of which nothing asks for a gradient, just runs.
    /// </summary>
    /// <param name="block">The block, whose parameters the forward uses.</param>
    /// <param name="forward">Its value by its inputs: the same whenever it runs, but for the random numbers it draws.</param>
    /// <param name="inputs">All tensors that it depends on beside parameters; null where there is none.</param>
    /// <returns>The block's value.</returns>
    public static Tensor Run(Module block, Func<Tensor?[], Tensor> forward, params Tensor?[] inputs)
    {
        if (!is_grad_enabled() || !block.training) return forward(inputs);
        var parameters = block.parameters().Where(parameter => parameter.requires_grad).ToArray();
        if (parameters.Length == 0 && !inputs.Any(input => input is { requires_grad: true })) return forward(inputs);
        // Parameters are arguments too: their gradients then go the way of all others, and a block whose inputs have none still gets its own.
        return new Recomputed(forward, parameters).Of(inputs);
    }

    /// <summary>Runs a function that has no parameters of its own, and again in the backward pass.</summary>
    internal static Tensor Run(Func<Tensor?[], Tensor> forward, params Tensor?[] inputs) =>
        is_grad_enabled() && inputs.Any(input => input is { requires_grad: true }) ? new Recomputed(forward, []).Of(inputs) : forward(inputs);

    private sealed class Recomputed(Func<Tensor?[], Tensor> forward, Parameter[] parameters) : AutogradFunction
    {
        private bool[] given = [], wanted = []; // of the inputs
        private RandomState random = null!;

        public Tensor Of(Tensor?[] inputs)
        {
            (given, wanted) = (Array.ConvertAll(inputs, input => input is not null), Array.ConvertAll(inputs, input => input is { requires_grad: true }));
            return Apply([.. inputs, .. parameters])[0];
        }

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var own = inputs[..given.Length];
            foreach (var input in own)
                if (input is not null) Save(input);
            random = RandomState.Of(own);
            return [forward(own)];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            var left = new Queue<Tensor>(saved);
            var inputs = given.Select((there, i) => !there ? null : wanted[i] ? left.Dequeue().detach().requires_grad_() : left.Dequeue()).ToArray();
            var leaves = inputs.Where((_, i) => wanted[i]).Select(input => input!).ToArray();
            Queue<Tensor> computed;
            using (random.Again())
            using (enable_grad())
                computed = new(autograd.grad([forward(inputs)], [.. leaves, .. parameters], [gradients[0]!], allow_unused: true));
            AutogradNode.ThrowIfFailed();
            return [.. wanted.Select(one => one ? computed.Dequeue() : null), .. computed];
        }
    }

    // What makes a block draw the same numbers again. The state is bytes: a tensor would belong to some dispose scope. TorchSharp cannot read the state of CUDA's
    // generators; there the block begins from a seed of its own, drawn from the CPU's.
    private sealed record RandomState(byte[] Cpu, long? CudaSeed)
    {
        internal static RandomState Of(Tensor?[] inputs)
        {
            if (!inputs.Any(input => input is { device_type: DeviceType.CUDA })) return new RandomState(CpuState(), null);
            using var drawn = randint(long.MaxValue, [1], ScalarType.Int64);
            var state = new RandomState(CpuState(), drawn.item<long>());
            cuda.manual_seed_all(state.CudaSeed!.Value);
            return state;
        }

        /// <summary>Goes back to this state until disposed of.</summary>
        internal IDisposable Again()
        {
            var now = new Restoring(new RandomState(CpuState(), null));
            Restore();
            return now;
        }

        private void Restore()
        {
            using var cpu = tensor(Cpu);
            set_rng_state(cpu);
            if (CudaSeed is { } seed) cuda.manual_seed_all(seed);
        }

        private static byte[] CpuState()
        {
            using var state = get_rng_state();
            return state.bytes.ToArray();
        }

        private sealed class Restoring(RandomState state) : IDisposable
        {
            public void Dispose() => state.Restore();
        }
    }
}
