using static TorchSharp.torch;
using static TorchSharp.torch.nn;
#if !TORCHSHARP
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch.autograd;
#endif

namespace NanoVlm.Layers;

/// <summary>
/// Activation checkpointing (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016): of a block only its inputs are kept for the
/// backward, which computes the block again. The gradients are the same to the last bit, dropout included: the block draws the same numbers twice.
/// </summary>
public static class ActivationCheckpoint
{
#if TORCHSHARP
    /// <summary>Whether this build can do it; where it cannot, blocks keep all they compute.</summary>
    public static bool Available => false;

    /// <summary>Runs a block.</summary>
    /// <param name="block">The block, whose parameters the forward uses.</param>
    /// <param name="forward">Its value by its inputs.</param>
    /// <param name="inputs">All tensors that it depends on beside parameters; null where there is none.</param>
    public static Tensor Run(Module block, Func<Tensor?[], Tensor> forward, params Tensor?[] inputs) => forward(inputs);

    internal static Tensor Run(Func<Tensor?[], Tensor> forward, params Tensor?[] inputs) => forward(inputs);
#else
    /// <summary>Whether this build can do it; where it cannot, blocks keep all they compute.</summary>
    public static bool Available => true;

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
        return Recomputed.apply([forward, inputs.Length, .. inputs!, .. parameters]);
    }

    /// <summary>The same of a function without parameters of its own.</summary>
    internal static Tensor Run(Func<Tensor?[], Tensor> forward, params Tensor?[] inputs) =>
        is_grad_enabled() && inputs.Any(input => input is { requires_grad: true }) ? Recomputed.apply([forward, inputs.Length, .. inputs!]) : forward(inputs);

    private sealed class Recomputed : SingleTensorFunction<Recomputed>
    {
        public override string Name => nameof(ActivationCheckpoint);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            var forward = (Func<Tensor?[], Tensor>)vars[0];
            var inputs = vars.Skip(2).Take((int)vars[1]).Cast<Tensor?>().ToArray();
            ctx.save_for_backward([.. inputs.OfType<Tensor>()]);
            ctx.save_data("forward", forward);
            ctx.save_data("given", inputs.Select(input => input is not null).ToArray());
            ctx.save_data("parameters", vars.Skip(2 + inputs.Length).Cast<Parameter>().ToArray());
            ctx.save_data("random", RandomState.Of(inputs));
            using var scope = NewDisposeScope();
            return forward(inputs).MoveToOuterDisposeScope();
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
        {
            var saved = new Queue<Tensor>(ctx.get_saved_variables());
            var inputs = ((bool[])ctx.get_data("given")).Select(given => given ? Leaf(saved.Dequeue()) : null).ToArray();
            var leaves = inputs.OfType<Tensor>().Where(input => input.requires_grad).ToArray();
            Queue<Tensor> gradients;
            using (((RandomState)ctx.get_data("random")).Again())
            using (enable_grad())
            {
                var output = ((Func<Tensor?[], Tensor>)ctx.get_data("forward"))(inputs);
                gradients = new(grad([output], [.. leaves, .. (Parameter[])ctx.get_data("parameters")], [grad_output], allow_unused: true));
            }
            return [null!, null!, .. inputs.Select(input => input is { requires_grad: true } ? gradients.Dequeue() : null!).ToArray(), .. gradients];
        }

        private static Tensor Leaf(Tensor input) => input.requires_grad ? input.detach().requires_grad_() : input;
    }

    // The states of the generators that a block may draw from, as bytes: a tensor would belong to some dispose scope.
    private sealed record RandomState(byte[] Cpu, Device? Device, byte[]? OfDevice)
    {
        internal static RandomState Of(Tensor?[] inputs)
        {
            var device = inputs.OfType<Tensor>().Select(input => input.device).FirstOrDefault(device => device.type == DeviceType.CUDA);
            return new RandomState(Bytes(get_rng_state()), device, device is null ? null : Bytes(cuda.get_rng_state(device)));
        }

        /// <summary>Goes back to this state until disposed of.</summary>
        internal IDisposable Again()
        {
            var now = new Restoring(new RandomState(Bytes(get_rng_state()), Device, Device is null ? null : Bytes(cuda.get_rng_state(Device))));
            Restore();
            return now;
        }

        private void Restore()
        {
            using var cpu = tensor(Cpu);
            set_rng_state(cpu);
            if (OfDevice is null) return;
            using var ofDevice = tensor(OfDevice);
            cuda.set_rng_state(ofDevice, Device);
        }

        private static byte[] Bytes(Tensor state)
        {
            using (state) return state.bytes.ToArray();
        }

        private sealed class Restoring(RandomState state) : IDisposable
        {
            public void Dispose() => state.Restore();
        }
    }
#endif
}
