using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>The vision block's MLP: fc2(GELU(fc1(x))), GELU by its tanh approximation.</summary>
public sealed class Mlp : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly double dropout;

    /// <param name="hiddenSize">The size outside.</param>
    /// <param name="intermediateSize">The size inside.</param>
    /// <param name="dropout">Dropout of the result, while training.</param>
    public Mlp(long hiddenSize, long intermediateSize, double dropout) : base(nameof(Mlp))
    {
        this.dropout = dropout;
        fc1 = new Linear(hiddenSize, intermediateSize);
        fc2 = new Linear(intermediateSize, hiddenSize);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => // [B, T, hidden]
        functional.dropout(fc2.call(Kernels.GeluTanh(fc1.call(x))), dropout, training);
}

/// <summary>The decoder block's gated MLP: down(SiLU(gate(x)) * up(x)).</summary>
public sealed class GatedMlp : Module<Tensor, Tensor>
{
    private readonly Linear gate_proj;
    private readonly Linear up_proj;
    private readonly Linear down_proj;

    /// <param name="hiddenSize">The size outside.</param>
    /// <param name="intermediateSize">The size inside.</param>
    public GatedMlp(long hiddenSize, long intermediateSize) : base(nameof(GatedMlp))
    {
        gate_proj = new Linear(hiddenSize, intermediateSize, hasBias: false);
        up_proj = new Linear(hiddenSize, intermediateSize, hasBias: false);
        down_proj = new Linear(intermediateSize, hiddenSize, hasBias: false);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => // [B, T, hidden]
        down_proj.call(Kernels.SwiGlu(gate_proj.call(x), up_proj.call(x)));
}
