using NanoVlm.Kernels;
using NanoVlm.Configuration;
using NanoVlm.Layers;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Vision;

/// <summary>SigLIP's head: a learned query attends to all tokens, and an MLP follows (Zhai et al., "Scaling Vision Transformers", 2022).</summary>
public sealed class AttentionPool : Module<Tensor, Tensor>
{
    private readonly Parameter probe; // [1, 1, hidden]
    private readonly Layers.Linear qkv_proj;
    private readonly Layers.Linear out_proj;
    private readonly Layers.LayerNorm layer_norm;
    private readonly Mlp mlp;
    private readonly long heads;

    /// <param name="config">The architecture.</param>
    public AttentionPool(VisionConfig config) : base(nameof(AttentionPool))
    {
        heads = config.NumAttentionHeads;
        probe = Parameter(empty(1, 1, config.HiddenSize));
        qkv_proj = new Layers.Linear(config.HiddenSize, 3 * config.HiddenSize);
        out_proj = new Layers.Linear(config.HiddenSize, config.HiddenSize);
        layer_norm = new Layers.LayerNorm(config.HiddenSize, config.LayerNormEps);
        mlp = new Mlp(config.HiddenSize, config.IntermediateSize, config.HiddenAct);
        RegisterComponents();
    }

    /// <param name="tokens">[N, T, hidden].</param>
    /// <returns>[N, hidden].</returns>
    public override Tensor forward(Tensor tokens)
    {
        var (images, size) = (tokens.shape[0], tokens.shape[2]);
        var weights = qkv_proj.weight.split(size, 0); // 3 x [hidden, hidden]
        var biases = qkv_proj.bias!.split(size, 0);
        var q = Heads(Operators.Linear(probe.to(tokens.dtype), weights[0], biases[0]).expand(images, -1, -1).contiguous()); // [N, 1, H, D]
        var (k, v) = (Heads(Operators.Linear(tokens, weights[1], biases[1])), Heads(Operators.Linear(tokens, weights[2], biases[2]))); // [N, T, H, D]
        var x = out_proj.call(Operators.Attention(q, k, v, 1 / Math.Sqrt(size / heads), Visibility.All).view(images, 1, size));
        return x.plus(mlp.call(layer_norm.call(x, x.dtype))).select(1, 0);

        Tensor Heads(Tensor x) => x.view(images, x.shape[1], heads, size / heads);
    }
}

/// <summary>ViT's head: the CLS token through a linear layer and tanh.</summary>
public sealed class TanhPool : Module<Tensor, Tensor>
{
    private readonly Layers.Linear dense;

    /// <param name="config">The architecture.</param>
    public TanhPool(VisionConfig config) : base(nameof(TanhPool))
    {
        dense = new Layers.Linear(config.HiddenSize, config.HiddenSize);
        RegisterComponents();
    }

    /// <param name="tokens">[N, T, hidden], CLS first.</param>
    /// <returns>[N, hidden].</returns>
    public override Tensor forward(Tensor tokens) => dense.call(tokens.select(1, 0)).tanh();
}
