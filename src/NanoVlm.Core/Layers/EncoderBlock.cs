using NanoVlm.Kernels;
using NanoVlm.Configuration;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>
/// A block of a vision transformer, or of a text encoder: x + attention(norm(x)), then x + mlp(norm(x)), each part scaled by a
/// learned vector (LayerScale) and left out at random in training (stochastic depth) where the architecture has that. The residual stream x is float32; the parts
/// compute in the dtype given.
/// </summary>
public sealed class EncoderBlock : Module
{
    private readonly LayerNorm ln1;
    private readonly EncoderAttention attn;
    private readonly Parameter? ls1; // [hidden]
    private readonly LayerNorm ln2;
    private readonly Module<Tensor, Tensor> mlp;
    private readonly Parameter? ls2; // [hidden]
    private readonly double dropPath;

    /// <param name="config">The architecture.</param>
    /// <param name="layer">The block's number, by which its parts are left out more or less often.</param>
    public EncoderBlock(VisionConfig config, int layer) : base(nameof(EncoderBlock))
    {
        dropPath = config.NumHiddenLayers > 1 ? config.DropPath * layer / (config.NumHiddenLayers - 1) : 0;
        ln1 = new LayerNorm(config.HiddenSize, config.LayerNormEps);
        attn = new EncoderAttention(config);
        ln2 = new LayerNorm(config.HiddenSize, config.LayerNormEps);
        mlp = config.GatedMlp
            ? new GatedMlp(config.HiddenSize, config.IntermediateSize, config.HiddenAct, config.MlpBias)
            : new Mlp(config.HiddenSize, config.IntermediateSize, config.HiddenAct, config.MlpBias, config.Dropout);
        if (config.LayerScale)
        {
            ls1 = Parameter(ones(config.HiddenSize));
            ls2 = Parameter(ones(config.HiddenSize));
        }
        RegisterComponents();
    }

    /// <param name="x">[B, T, hidden], float32.</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <param name="rotation">Cosines and sines of rotary positions, [T, D], or null.</param>
    /// <param name="visible">Which tokens are seen; null: all.</param>
    /// <returns>As x.</returns>
    public Tensor forward(Tensor x, ScalarType dtype = ScalarType.Float32, (Tensor Cos, Tensor Sin)? rotation = null, Visibility? visible = null)
    {
        using var scope = NewDisposeScope(); // what the gradients do not need is gone before the next block
        x = Operators.AddResidual(x, DropPath(attn.forward(ln1.call(x, dtype), rotation, visible)), ls1);
        return Operators.AddResidual(x, DropPath(mlp.call(ln2.call(x, dtype))), ls2).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="EncoderAttention.Probabilities"/>, of the block's input.</summary>
    internal Tensor AttentionProbabilities(Tensor x, (Tensor Cos, Tensor Sin)? rotation)
    {
        using var scope = NewDisposeScope();
        return attn.Probabilities(ln1.call(x, x.dtype), rotation).MoveToOuterDisposeScope();
    }

    // Huang et al., "Deep Networks with Stochastic Depth", 2016: by sample, and the rest louder for it.
    private Tensor DropPath(Tensor x)
    {
        if (!training || dropPath == 0) return x;
        var kept = rand([x.shape[0], 1, 1], device: x.device) >= scalar(dropPath);
        return x * (kept.to(x.dtype) / scalar(1 - dropPath));
    }
}

/// <summary>Attention of all tokens to all, with one fused projection to queries, keys and values.</summary>
public sealed class EncoderAttention : Module
{
    private readonly Linear qkv_proj;
    private readonly Parameter? q_bias; // [hidden], where keys have none
    private readonly Parameter? v_bias; // [hidden]
    private readonly Linear out_proj;
    private readonly long heads;
    private readonly double scale;
    private readonly double dropout;

    /// <param name="config">The architecture.</param>
    public EncoderAttention(VisionConfig config) : base(nameof(EncoderAttention))
    {
        heads = config.NumAttentionHeads;
        scale = 1 / Math.Sqrt(config.HiddenSize / config.NumAttentionHeads);
        dropout = config.Dropout;
        qkv_proj = new Linear(config.HiddenSize, 3 * config.HiddenSize, config.QkvBias == ProjectionBias.All);
        if (config.QkvBias == ProjectionBias.QueryValue)
        {
            q_bias = Parameter(zeros(config.HiddenSize));
            v_bias = Parameter(zeros(config.HiddenSize));
        }
        out_proj = new Linear(config.HiddenSize, config.HiddenSize, config.OutputBias);
        RegisterComponents();
    }

    /// <param name="x">[B, T, hidden].</param>
    /// <param name="rotation">Cosines and sines of rotary positions, [T, D], or null.</param>
    /// <param name="visible">Which tokens are seen; null: all.</param>
    public Tensor forward(Tensor x, (Tensor Cos, Tensor Sin)? rotation, Visibility? visible = null)
    {
        var (q, k, v) = Heads(x, rotation);
        var y = Operators.Attention(q, k, v, scale, visible ?? Visibility.All);
        return functional.dropout(out_proj.call(y.flatten(2)), dropout, training);
    }

    /// <summary>How much each token takes of every other: what the fused kernel never writes down.</summary>
    /// <param name="x">[B, T, hidden].</param>
    /// <param name="rotation">As for <see cref="forward"/>.</param>
    /// <returns>[B, H, T, T], float32; rows add up to 1.</returns>
    internal Tensor Probabilities(Tensor x, (Tensor Cos, Tensor Sin)? rotation)
    {
        using var scope = NewDisposeScope();
        var (q, k, _) = Heads(x, rotation);
        var scores = q.transpose(1, 2).matmul(k.transpose(1, 2).transpose(-2, -1)).to(ScalarType.Float32) * scalar(scale);
        return scores.softmax(-1).MoveToOuterDisposeScope();
    }

    // Queries, keys and values, [B, T, H, D] each.
    private (Tensor Q, Tensor K, Tensor V) Heads(Tensor x, (Tensor Cos, Tensor Sin)? rotation)
    {
        var (batch, tokens, size) = (x.shape[0], x.shape[1], x.shape[2]);
        var qkv = q_bias is null ? qkv_proj.call(x) : Operators.Linear(x, qkv_proj.weight, cat([q_bias, zeros_like(q_bias), v_bias!], 0));
        var parts = qkv.split(size, -1).Select(part => part.view(batch, tokens, heads, size / heads)).ToArray();
        var (q, k, v) = (parts[0], parts[1], parts[2]);
        return rotation is var (cos, sin) ? (Operators.Rotary(q, cos, sin), Operators.Rotary(k, cos, sin), v) : (q, k, v);
    }
}
