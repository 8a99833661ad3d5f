using NanoVlm.Kernels;
using NanoVlm.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Optimization;

/// <summary>
/// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017) with the update of <c>torch.optim.AdamW</c>, over all
/// parameters at once. The groups are those of TorchSharp's <see cref="AdamW"/>, which takes the parameters one by one and each in six
/// passes over memory.
/// </summary>
/// <remarks>
/// On the CPU the project's kernel takes the step where it is loaded, otherwise libtorch's fused one (there and on CUDA) where values and
/// moments are float32 and contiguous, and plain tensor operations where they are not. <c>Module.to</c> makes new parameters: move a model
/// first, then make its optimizer.
/// </remarks>
public sealed class FusedAdamW : optim.Optimizer
{
    private readonly List<AdamW.ParamGroup> groups = [];
    private readonly Dictionary<Parameter, Slot> slots = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Parameter> known = new(ReferenceEqualityComparer.Instance);
    private readonly AdamW.Options defaults;

    // How a parameter is stepped, chosen with its first gradient. Empty is a view of none of its elements, for its version counter; null
    // for composites.
    private sealed record Slot(Parameter Parameter, State State, Implementation Way, Tensor? Empty);

    private readonly record struct Moving(Slot Slot, Tensor Gradient);

    /// <summary>AdamW over groups of parameters.</summary>
    /// <param name="groups">The groups; options that they leave null are the following.</param>
    /// <param name="lr">The learning rate.</param>
    /// <param name="beta1">How much of the first moment stays at a step.</param>
    /// <param name="beta2">How much of the second moment stays at a step.</param>
    /// <param name="eps">Added to the root of the second moment.</param>
    /// <param name="weight_decay">How much of a parameter goes at a step, times the learning rate; 0 as in TorchSharp.</param>
    /// <exception cref="ArgumentException">A parameter is in two groups, or a group asks for amsgrad or maximize.</exception>
    public FusedAdamW(
        IEnumerable<AdamW.ParamGroup> groups,
        double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0) : base(0)
    {
        defaults = new AdamW.Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay };
        foreach (var group in groups) add_param_group(group);
    }

    /// <summary>AdamW over parameters that share their options.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="lr">The learning rate.</param>
    /// <param name="beta1">How much of the first moment stays at a step.</param>
    /// <param name="beta2">How much of the second moment stays at a step.</param>
    /// <param name="eps">Added to the root of the second moment.</param>
    /// <param name="weight_decay">How much of a parameter goes at a step, times the learning rate; 0 as in TorchSharp.</param>
    public FusedAdamW(
        IEnumerable<Parameter> parameters,
        double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0)
        : this([new AdamW.ParamGroup { Parameters = [.. parameters] }], lr, beta1, beta2, eps, weight_decay)
    {
    }

    /// <summary>What the optimizer remembers of a parameter; the names are those of <see cref="AdamW.State"/>.</summary>
    public sealed class State
    {
        /// <summary>Steps taken.</summary>
        public long step;

        /// <summary>The first moment.</summary>
        public Tensor exp_avg = null!;

        /// <summary>The second moment.</summary>
        public Tensor exp_avg_sq = null!;
    }

    /// <summary>
    /// The dtype that moments are kept in; null: the parameter's. They are computed in the parameter's dtype and rounded to nearest, so a
    /// moment in bfloat16 whose decay is within 2^-8 of 1 stands still instead of falling. Of moments that are not there yet.
    /// </summary>
    public ScalarType? StateDtype { get; set; }

    /// <summary>What takes the step of all parameters that it can step; simpler ones step the others.</summary>
    internal Implementation Implementation { get; init; } = Operators.Implementation;

    /// <inheritdoc/>
    public override IEnumerable<optim.ILearningRateController> ParamGroups => groups;

    /// <inheritdoc/>
    public override IEnumerable<Parameter> parameters() => groups.SelectMany(group => group.Parameters);

    /// <inheritdoc/>
    public override void add_param_group(ParamGroup param_group)
    {
        if (param_group is not AdamW.ParamGroup group) throw new ArgumentException("The group is of another optimizer than AdamW.");
        var options = (AdamW.Options)(group.Options ??= new AdamW.Options());
        if (options.amsgrad == true || options.maximize == true)
            throw new ArgumentException("FusedAdamW has no amsgrad and no maximize; take TorchSharp's AdamW for them.");
        options.LearningRate ??= defaults.LearningRate;
        options.InitialLearningRate = options.LearningRate!.Value;
        options.beta1 ??= defaults.beta1;
        options.beta2 ??= defaults.beta2;
        options.eps ??= defaults.eps;
        options.weight_decay ??= defaults.weight_decay;
        group.Parameters = [.. group.Parameters];
        foreach (var parameter in group.Parameters)
            if (!known.Add(parameter)) throw new ArgumentException("A parameter is in two groups, or twice in one.");
        groups.Add(group);
    }

    /// <summary>The moments and step count of a parameter; null before its first step.</summary>
    public State? StateOf(Parameter parameter) => slots.GetValueOrDefault(parameter)?.State;

    /// <summary>Restores the moments and step count of a parameter.</summary>
    /// <param name="parameter">A parameter of this optimizer.</param>
    /// <param name="step">Steps taken.</param>
    /// <param name="exp_avg">The first moment; copied.</param>
    /// <param name="exp_avg_sq">The second moment; copied.</param>
    /// <exception cref="ArgumentException">The parameter is not this optimizer's, or a shape does not fit.</exception>
    public void LoadState(Parameter parameter, long step, Tensor exp_avg, Tensor exp_avg_sq)
    {
        if (!known.Contains(parameter)) throw new ArgumentException("The parameter is not this optimizer's.");
        if (!exp_avg.shape.SequenceEqual(parameter.shape) || !exp_avg_sq.shape.SequenceEqual(parameter.shape))
            throw new ArgumentException($"Moments {Shape(exp_avg)} and {Shape(exp_avg_sq)} do not fit a parameter {Shape(parameter)}.");
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        MakeSlots([parameter]);
        var state = slots[parameter].State;
        state.step = step;
        state.exp_avg.copy_(exp_avg);
        state.exp_avg_sq.copy_(exp_avg_sq);

        static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
    }

    /// <summary>Updates every parameter that has a gradient.</summary>
    /// <param name="closure">Computes the loss anew, if given; its value is returned.</param>
    public override Tensor? step(Func<Tensor>? closure = null)
    {
        Tensor? loss = null;
        if (closure is not null)
            using (enable_grad()) loss = closure();
        step(1);
        return loss;
    }

    /// <summary>
    /// Updates every parameter that has a gradient, as if the gradients had been multiplied by a number: clipping without its own pass.
    /// </summary>
    /// <param name="gradScale">The number. Afterwards the gradients may be so multiplied or as they were: set them to null or zero.</param>
    /// <exception cref="InvalidOperationException">The model was moved or converted after its optimizer was made.</exception>
    public void step(double gradScale)
    {
        AutogradNode.ThrowIfFailed();
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        foreach (var group in groups)
        {
            var moving = new List<(Parameter Parameter, Tensor Gradient)>();
            foreach (var parameter in group.Parameters)
            {
                if (parameter.IsInvalid)
                    throw new InvalidOperationException("A parameter is gone: the model was moved or converted, which makes new ones.");
                if (parameter.grad is { } gradient) moving.Add((parameter, gradient));
            }
            MakeSlots(moving.ConvertAll(entry => entry.Parameter));
            // Parameters that are at the same step go together: one that had no gradient for a while is behind.
            var ready = moving.Select(entry => new Moving(slots[entry.Parameter], entry.Gradient));
            foreach (var alike in ready.GroupBy(entry => (entry.Slot.State.step, entry.Slot.Way)).ToArray())
                Step([.. alike], alike.Key.Way, group, alike.Key.step + 1, gradScale);
        }
    }

    /// <summary>Sets all gradients to zero in place; <c>Module.zero_grad</c> forgets them instead.</summary>
    public override void zero_grad()
    {
        using var mode = no_grad();
        foreach (var parameter in parameters())
        {
            using var gradient = parameter.grad;
            gradient?.zero_();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing) return;
        foreach (var slot in slots.Values)
        {
            slot.Empty?.Dispose();
            slot.State.exp_avg.Dispose();
            slot.State.exp_avg_sq.Dispose();
        }
        slots.Clear();
    }

    private static void Step(Moving[] moving, Implementation way, AdamW.ParamGroup group, long step, double gradScale)
    {
        var options = (AdamW.Options)group.Options;
        var arguments = new AdamWArguments
        {
            LearningRate = options.LearningRate!.Value,
            Beta1 = options.beta1!.Value,
            Beta2 = options.beta2!.Value,
            Epsilon = options.eps!.Value,
            WeightDecay = options.weight_decay!.Value,
            GradScale = gradScale,
            Step = step,
        };
        var work = Array.ConvertAll(moving, entry => new AdamWStep.Work(entry.Slot.Parameter, entry.Gradient, entry.Slot.State));
        if (way == Implementation.Native) AdamWStep.ByKernel(work, arguments);
        else if (way == Implementation.LibTorch) AdamWStep.ByLibTorch(work, arguments);
        else AdamWStep.ByOperations(work, arguments);
        foreach (var entry in moving) entry.Slot.State.step = step;
        // Neither the kernel nor libtorch's step counts as a change of the parameters. Changing none of their elements in place does, and a
        // backward through a graph from before the step is refused as after any other change.
        if (way != Implementation.Composite) LibTorch.Zero(Array.ConvertAll(moving, entry => entry.Slot.Empty!));
    }

    private Implementation Choose(Parameter parameter, ScalarType moments)
    {
        if (Implementation == Implementation.Composite || parameter.dtype != ScalarType.Float32 || !parameter.is_contiguous())
            return Implementation.Composite;
        var forKernel = parameter.device_type == DeviceType.CPU && moments is ScalarType.Float32 or ScalarType.BFloat16;
        if (forKernel && Implementation == Implementation.Native) return Implementation.Native;
        var forLibTorch = parameter.device_type is DeviceType.CPU or DeviceType.CUDA && moments == ScalarType.Float32;
        return forLibTorch ? Implementation.LibTorch : Implementation.Composite;
    }

    // The moments that are made at once are one piece of memory: they stay as long as the optimizer, and small ones between activations
    // that come and go would leave holes there.
    private void MakeSlots(IReadOnlyList<Parameter> parameters)
    {
        const int alignment = 32;
        var missing = parameters.Where(parameter => !slots.ContainsKey(parameter))
            .GroupBy(parameter => (dtype: StateDtype ?? parameter.dtype, parameter.device_type, parameter.device_index)).ToArray();
        foreach (var alike in missing)
        {
            using var scope = NewDisposeScope();
            var memory = zeros(2 * alike.Sum(Room), alike.Key.dtype, alike.First().device);
            var used = 0L;
            foreach (var parameter in alike)
            {
                var way = Choose(parameter, alike.Key.dtype);
                var empty = way != Implementation.Composite ? parameter.detach().view(-1).narrow(0, 0, 0).DetachFromDisposeScope() : null;
                slots[parameter] = new Slot(parameter, new State { exp_avg = Next(parameter), exp_avg_sq = Next(parameter) }, way, empty);
            }

            Tensor Next(Parameter parameter)
            {
                var moment = parameter.is_contiguous()
                    ? memory.narrow(0, used, parameter.numel()).view(parameter.shape)
                    : zeros_like(parameter, alike.Key.dtype);
                used += Room(parameter);
                return moment.DetachFromDisposeScope();
            }
        }

        static long Room(Parameter parameter) => (parameter.numel() + alignment - 1) / alignment * alignment;
    }
}
