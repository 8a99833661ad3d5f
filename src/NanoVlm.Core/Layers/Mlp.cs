using NanoVlm.Kernels;
using NanoVlm.Configuration;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>A transformer's MLP: fc2(act(fc1(x))).</summary>
public sealed class Mlp : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly Activation activation;
    private readonly double dropout;

    /// <param name="hiddenSize">The size outside.</param>
    /// <param name="intermediateSize">The size inside.</param>
    /// <param name="activation">The activation inside.</param>
    /// <param name="hasBias">Whether both layers have a bias.</param>
    /// <param name="dropout">Dropout of the result, while training.</param>
    public Mlp(long hiddenSize, long intermediateSize, Activation activation, bool hasBias = true, double dropout = 0) : base(nameof(Mlp))
    {
        this.activation = activation;
        this.dropout = dropout;
        fc1 = new Linear(hiddenSize, intermediateSize, hasBias);
        fc2 = new Linear(intermediateSize, hiddenSize, hasBias);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => // [B, T, hidden]
        functional.dropout(fc2.call(Operators.Activate(fc1.call(x), activation)), dropout, training);
}

/// <summary>A gated MLP: down(act(gate(x)) * up(x)) (Shazeer, "GLU Variants Improve Transformer", 2020).</summary>
public sealed class GatedMlp : Module<Tensor, Tensor>
{
    private readonly Linear gate_proj;
    private readonly Linear up_proj;
    private readonly Linear down_proj;
    private readonly Activation activation;

    /// <param name="hiddenSize">The size outside.</param>
    /// <param name="intermediateSize">The size inside.</param>
    /// <param name="activation">The gate's activation.</param>
    /// <param name="hasBias">Whether the layers have biases.</param>
    public GatedMlp(long hiddenSize, long intermediateSize, Activation activation, bool hasBias = false) : base(nameof(GatedMlp))
    {
        this.activation = activation;
        gate_proj = new Linear(hiddenSize, intermediateSize, hasBias);
        up_proj = new Linear(hiddenSize, intermediateSize, hasBias);
        down_proj = new Linear(intermediateSize, hiddenSize, hasBias);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => // [B, T, hidden]
        down_proj.call(activation == Activation.Silu
            ? Operators.SwiGlu(gate_proj.call(x), up_proj.call(x))
            : Operators.Activate(gate_proj.call(x), activation) * up_proj.call(x));
}
