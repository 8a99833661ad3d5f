using NanoVlm.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>A linear layer that holds float32 weights and computes in its input's dtype.</summary>
public sealed class Linear : Module<Tensor, Tensor>
{
    /// <summary>[out, in].</summary>
    public readonly Parameter weight;

    /// <summary>[out], or none.</summary>
    public readonly Parameter? bias;

    /// <param name="inputs">The size of the last dimension that goes in.</param>
    /// <param name="outputs">The size of the last dimension that comes out.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    public Linear(long inputs, long outputs, bool hasBias = true) : base(nameof(Linear))
    {
        weight = Parameter(empty(outputs, inputs));
        bias = hasBias ? Parameter(zeros(outputs)) : null;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => Operators.Linear(x, weight, bias);
}
