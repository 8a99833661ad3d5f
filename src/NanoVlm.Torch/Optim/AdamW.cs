using TorchSharp.Native;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>
    /// Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017), in PyTorch's order:
    /// decay, moments, bias correction, step. Moments live in the parameter's dtype unless <see cref="StateDtype"/> says otherwise.
    /// </summary>
    public sealed class AdamW : optim.Optimizer
    {
        // One call for all parameters of a group where the project's kernel is loaded (float32 on the CPU).
        private static readonly Operator fused = new("nanovlm::adamw_");
        private readonly List<ParamGroup> groups;
        private readonly Dictionary<Parameter, State> states = new(ReferenceEqualityComparer.Instance);

        internal AdamW(IEnumerable<ParamGroup> groups, Options defaults)
        {
            this.groups = [.. groups];
            foreach (var group in this.groups) group.Options.FillFrom(defaults);
            foreach (var parameter in parameters())
                if (!states.TryAdd(parameter, null!)) throw new ArgumentException("A parameter is in two groups, or twice in one.");
            states.Clear();
        }

        /// <summary>
        /// The dtype that moments are kept in; null: the parameter's. They are computed in the parameter's dtype and rounded to nearest, so a moment in bfloat16
        /// whose decay is within 2^-8 of 1 stands still instead of falling. For moments that are not there yet.
        /// </summary>
        public ScalarType? StateDtype { get; set; }

        /// <inheritdoc/>
        public override IEnumerable<optim.ILearningRateController> ParamGroups => groups;

        /// <inheritdoc/>
        public override IEnumerable<Parameter> parameters() => groups.SelectMany(group => group.Parameters);

        /// <summary>The moments and step count of a parameter; null before its first step.</summary>
        public State? StateOf(Parameter parameter) => states.GetValueOrDefault(parameter);

        /// <summary>Restores the moments and step count of a parameter.</summary>
        /// <param name="parameter">A parameter of this optimizer.</param>
        /// <param name="step">Steps taken.</param>
        /// <param name="exp_avg">The first moment; copied.</param>
        /// <param name="exp_avg_sq">The second moment; copied.</param>
        /// <exception cref="ArgumentException">The parameter is not this optimizer's, or a shape does not fit.</exception>
        public void LoadState(Parameter parameter, long step, Tensor exp_avg, Tensor exp_avg_sq)
        {
            if (!parameters().Contains(parameter, ReferenceEqualityComparer.Instance)) throw new ArgumentException("The parameter is not this optimizer's.");
            if (!exp_avg.shape.SequenceEqual(parameter.shape) || !exp_avg_sq.shape.SequenceEqual(parameter.shape))
                throw new ArgumentException($"Moments of shape [{string.Join(", ", exp_avg.shape)}] do not fit a parameter of shape [{string.Join(", ", parameter.shape)}].");
            using var mode = no_grad();
            MakeStates([parameter]);
            var state = states[parameter];
            state.step = step;
            state.exp_avg.copy_(exp_avg);
            state.exp_avg_sq.copy_(exp_avg_sq);
        }

        /// <inheritdoc/>
        public override Tensor? step(Func<Tensor>? closure = null)
        {
            Tensor? loss = null;
            if (closure is not null)
                using (enable_grad()) loss = closure();
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            foreach (var group in groups) Step(group);
            return loss;
        }

        /// <inheritdoc/>
        protected override void Dispose(bool disposing)
        {
            if (!disposing) return;
            foreach (var state in states.Values)
            {
                state.exp_avg.Dispose();
                state.exp_avg_sq.Dispose();
            }
            states.Clear();
        }

        private void Step(ParamGroup group)
        {
            var options = group.Options;
            var rate = options.LearningRate!.Value;
            var (beta1, beta2) = group.Betas;
            var (decay, eps) = (options.weight_decay!.Value, options.eps!.Value);
            // Parameters that are at the same step go together: one that had no gradient for a while is behind.
            var moving = group.Parameters.Select(parameter => (parameter, gradient: parameter.grad)).Where(pair => pair.gradient is not null).ToArray();
            MakeStates([.. moving.Select(pair => pair.parameter)]);
            var ready = moving.Select(pair => (pair.parameter, gradient: pair.gradient!, state: states[pair.parameter]));
            foreach (var batch in ready.GroupBy(entry => entry.state.step))
            {
                var step = batch.Key + 1;
                foreach (var entry in batch) entry.state.step = step;
                var plain = batch.ToList();
                if (fused.Exists)
                {
                    var fitting = batch.Where(entry => Fits(entry.parameter, entry.gradient, entry.state)).ToArray();
                    if (fitting.Length > 0)
                        fused.Run(fitting.Select(e => (Tensor)e.parameter).ToArray(), fitting.Select(e => e.gradient).ToArray(),
                            fitting.Select(e => e.state.exp_avg).ToArray(), fitting.Select(e => e.state.exp_avg_sq).ToArray(),
                            rate, beta1, beta2, eps, decay, step, 1.0);
                    plain.RemoveAll(entry => Fits(entry.parameter, entry.gradient, entry.state));
                }
                foreach (var (parameter, gradient, state) in plain)
                {
                    if (decay != 0) parameter.mul_(1 - rate * decay);
                    var (average, square) = (state.exp_avg.to(parameter.dtype), state.exp_avg_sq.to(parameter.dtype)); // themselves where the dtype is theirs
                    average.mul_(beta1).add_(gradient, 1 - beta1);
                    square.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
                    var correction1 = 1 - Math.Pow(beta1, step);
                    var correction2 = 1 - Math.Pow(beta2, step);
                    using var denominator = square.sqrt().div_(Math.Sqrt(correction2)).add_(eps);
                    parameter.addcdiv_(average, denominator, -rate / correction1);
                    if (state.exp_avg.dtype == parameter.dtype) continue;
                    state.exp_avg.copy_(average);
                    state.exp_avg_sq.copy_(square);
                }
            }
        }

        private static bool Fits(Tensor parameter, Tensor gradient, State state) =>
            Plain(parameter) && Plain(gradient) && state.exp_avg.dtype is ScalarType.Float32 or ScalarType.BFloat16;

        private static bool Plain(Tensor tensor) => tensor.dtype == ScalarType.Float32 && tensor.is_cpu() && tensor.is_contiguous();

        // The moments that are made at once are one piece of memory: they stay as long as the optimizer, and small ones between activations that come and go
        // would leave holes there.
        private void MakeStates(IReadOnlyList<Parameter> parameters)
        {
            const int alignment = 32;
            foreach (var alike in parameters.Where(parameter => !states.ContainsKey(parameter)).GroupBy(parameter => (dtype: StateDtype ?? parameter.dtype, parameter.device_type, parameter.device_index)))
            {
                using var scope = NewDisposeScope();
                var total = 2 * alike.Sum(Room);
                var memory = zeros(total, alike.Key.dtype, alike.First().device);
                var used = 0L;
                foreach (var parameter in alike) states[parameter] = new State { exp_avg = Next(parameter), exp_avg_sq = Next(parameter) };

                Tensor Next(Parameter parameter)
                {
                    var moment = parameter.is_contiguous() ? memory.narrow(0, used, parameter.numel()).view(parameter.shape) : zeros_like(parameter, alike.Key.dtype);
                    used += Room(parameter);
                    return moment.DetachFromDisposeScope();
                }
            }

            static long Room(Parameter parameter) => (parameter.numel() + alignment - 1) / alignment * alignment;
        }

        /// <summary>Options of a group; what is null is inherited from the optimizer.</summary>
        public sealed class Options
        {
            /// <summary>The learning rate.</summary>
            public double? LearningRate;
            /// <summary>The rate that schedules start from.</summary>
            public double? InitialLearningRate;
            /// <summary>Decay of the first moment.</summary>
            public double? beta1;
            /// <summary>Decay of the second moment.</summary>
            public double? beta2;
            /// <summary>Decoupled weight decay, times the learning rate.</summary>
            public double? weight_decay;
            /// <summary>Added to the root of the second moment.</summary>
            public double? eps;

            internal void FillFrom(Options defaults)
            {
                LearningRate ??= defaults.LearningRate;
                InitialLearningRate ??= LearningRate;
                beta1 ??= defaults.beta1;
                beta2 ??= defaults.beta2;
                weight_decay ??= defaults.weight_decay;
                eps ??= defaults.eps;
            }
        }

        /// <summary>What the optimizer remembers of a parameter.</summary>
        public sealed class State
        {
            /// <summary>Steps taken.</summary>
            public long step;
            /// <summary>The first moment.</summary>
            public Tensor exp_avg = null!;
            /// <summary>The second moment.</summary>
            public Tensor exp_avg_sq = null!;
        }

        /// <summary>Parameters that share options.</summary>
        public sealed class ParamGroup : optim.ILearningRateController
        {
            /// <summary>An empty group whose options inherit from the optimizer.</summary>
            public ParamGroup()
            {
            }

            /// <summary>A group with options of its own; what they leave null is inherited.</summary>
            public ParamGroup(IEnumerable<Parameter> parameters, Options options) => (Parameters, Options) = ([.. parameters], options);

            /// <summary>A group that carries its own defaults and ignores the optimizer's.</summary>
            public ParamGroup(IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0) :
                this(parameters, new Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay })
            {
            }

            /// <summary>The parameters.</summary>
            public IEnumerable<Parameter> Parameters { get; set; } = [];

            /// <summary>The options.</summary>
            public Options Options { get; set => field = value ?? new(); } = new();

            /// <summary>The rate of the next step.</summary>
            public double LearningRate { get => Options.LearningRate!.Value; set => Options.LearningRate = value; }

            /// <summary>The rate that schedules start from.</summary>
            public double InitialLearningRate { get => Options.InitialLearningRate!.Value; set => Options.InitialLearningRate = value; }

            /// <summary>Decays of the two moments.</summary>
            public (double, double) Betas { get => (Options.beta1!.Value, Options.beta2!.Value); set => (Options.beta1, Options.beta2) = value; }
        }
    }
}

namespace TorchSharp
{
    public static unsafe partial class torch
    {
        public static partial class optim
        {
            /// <summary>AdamW over parameters; the decay is 0 unless given, as in TorchSharp.</summary>
            public static Modules.AdamW AdamW(IEnumerable<Modules.Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0) =>
                AdamW([new Modules.AdamW.ParamGroup { Parameters = [.. parameters] }], lr, beta1, beta2, eps, weight_decay);

            /// <summary>AdamW over named parameters.</summary>
            public static Modules.AdamW AdamW(IEnumerable<(string name, Modules.Parameter parameter)> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0) =>
                AdamW(parameters.Select(entry => entry.parameter), lr, beta1, beta2, eps, weight_decay);

            /// <summary>AdamW over groups of parameters.</summary>
            public static Modules.AdamW AdamW(IEnumerable<Modules.AdamW.ParamGroup> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0) =>
                new(parameters, new Modules.AdamW.Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay });
        }
    }
}
