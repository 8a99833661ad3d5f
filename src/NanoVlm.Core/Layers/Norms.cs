using NanoVlm.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>Root mean square normalisation (Zhang and Sennrich, 2019), in float32 inside.</summary>
public sealed class RmsNorm : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double eps;
    private readonly bool unitOffset;

    /// <param name="hiddenSize">The size of the last dimension.</param>
    /// <param name="eps">Added to the mean square.</param>
    /// <param name="unitOffset">Whether to multiply by 1 + weight (Gemma); the weight then begins at 0.</param>
    public RmsNorm(long hiddenSize, double eps, bool unitOffset = false) : base(nameof(RmsNorm))
    {
        this.eps = eps;
        this.unitOffset = unitOffset;
        weight = Parameter(unitOffset ? zeros(hiddenSize) : ones(hiddenSize));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => Operators.RmsNorm(x, weight, eps, unitOffset);
}

/// <summary>Layer normalisation of the last dimension, in float32 inside.</summary>
public sealed class LayerNorm : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly double eps;

    /// <param name="hiddenSize">The size of the last dimension.</param>
    /// <param name="eps">Added to the variance.</param>
    public LayerNorm(long hiddenSize, double eps) : base(nameof(LayerNorm))
    {
        this.eps = eps;
        weight = Parameter(ones(hiddenSize));
        bias = Parameter(zeros(hiddenSize));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => Operators.LayerNorm(x, weight, bias, eps);
}
