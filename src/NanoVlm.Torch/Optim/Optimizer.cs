using TorchSharp.Modules;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>PyTorch's <c>torch.optim</c>.</summary>
    public static partial class optim
    {
        /// <summary>The learning rate of a group of parameters.</summary>
        public interface ILearningRateController
        {
            /// <summary>The rate of the next step.</summary>
            double LearningRate { get; set; }
            /// <summary>The rate that schedules start from.</summary>
            double InitialLearningRate { get; set; }
        }

        /// <summary>Updates parameters from their gradients.</summary>
        public abstract class Optimizer : IDisposable
        {
            /// <summary>Updates every parameter that has a gradient.</summary>
            /// <param name="closure">Computes the loss anew, if given; its value is returned.</param>
            public abstract Tensor? step(Func<Tensor>? closure = null);

            /// <summary>The groups, each with its learning rate.</summary>
            public abstract IEnumerable<ILearningRateController> ParamGroups { get; }

            /// <summary>All parameters.</summary>
            public abstract IEnumerable<Parameter> parameters();

            /// <summary>Sets all gradients to zero in place; <see cref="nn.Module.zero_grad"/> forgets them instead.</summary>
            public virtual void zero_grad()
            {
                using var mode = no_grad();
                foreach (var parameter in parameters())
                {
                    using var gradient = parameter.grad;
                    gradient?.zero_();
                }
            }

            /// <summary>Disposes of the optimizer's state.</summary>
            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Disposes of the optimizer's state.</summary>
            protected abstract void Dispose(bool disposing);
        }
    }
}
