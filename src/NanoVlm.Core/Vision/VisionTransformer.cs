using NanoVlm.Configuration;
using NanoVlm.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Vision;

/// <summary>
/// A vision transformer in SigLIP's shape (Zhai et al., 2023): patches with learned positions, pre-norm blocks with a fused
/// query/key/value projection and a GELU MLP, a final layer norm; no CLS token. Names follow nanoVLM
/// (models/vision_transformer.py).
/// </summary>
public sealed class VisionTransformer : Module<Tensor, ScalarType, Tensor>
{
    private readonly PatchEmbed patch_embedding;
    private readonly ModuleList<VisionBlock> blocks;
    private readonly Layers.LayerNorm layer_norm;
    private readonly double dropout;

    /// <param name="config">The <c>vit_*</c> keys.</param>
    /// <exception cref="NanoVlmException">The tower has a CLS token, which a projector of patches cannot use.</exception>
    public VisionTransformer(VlmConfig config) : base(nameof(VisionTransformer))
    {
        if (config.VitClsFlag)
            throw new NanoVlmException("vit_cls_flag: a tower whose only output is its CLS token is not supported; set it to false.");
        dropout = config.VitDropout;
        patch_embedding = new PatchEmbed(config.VitImgSize, config.VitPatchSize, config.VitHiddenDim);
        blocks = ModuleList(Enumerable.Range(0, config.VitNBlocks).Select(_ => new VisionBlock(config)).ToArray());
        layer_norm = new Layers.LayerNorm(config.VitHiddenDim, config.VitLnEps);
        RegisterComponents();
    }

    /// <summary>The patches' features after the final norm.</summary>
    /// <param name="pixels">[N, 3, S, S].</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <returns>[N, patches, hidden].</returns>
    public override Tensor forward(Tensor pixels, ScalarType dtype) => forward(pixels, dtype, null);

    /// <summary>As <see cref="forward(Tensor, ScalarType)"/>; also keeps every block's input and the last block's output.</summary>
    /// <param name="pixels">[N, 3, S, S].</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <param name="hiddenStates">Receives them, detached from the scope.</param>
    public Tensor forward(Tensor pixels, ScalarType dtype, List<Tensor>? hiddenStates)
    {
        using var scope = NewDisposeScope();
        var x = functional.dropout(patch_embedding.call(pixels, dtype), dropout, training); // [N, P, C]
        foreach (var block in blocks)
        {
            hiddenStates?.Add(x.alias().DetachFromDisposeScope());
            x = block.call(x);
        }
        hiddenStates?.Add(x.alias().DetachFromDisposeScope());
        return layer_norm.call(x).MoveToOuterDisposeScope();
    }

    private sealed class VisionBlock : Module<Tensor, Tensor>
    {
        private readonly Layers.LayerNorm ln1;
        private readonly VisionAttention attn;
        private readonly Layers.LayerNorm ln2;
        private readonly Mlp mlp;

        public VisionBlock(VlmConfig config) : base(nameof(VisionBlock))
        {
            ln1 = new Layers.LayerNorm(config.VitHiddenDim, config.VitLnEps);
            attn = new VisionAttention(config.VitHiddenDim, config.VitNHeads, config.VitDropout);
            ln2 = new Layers.LayerNorm(config.VitHiddenDim, config.VitLnEps);
            mlp = new Mlp(config.VitHiddenDim, config.VitInterDim, config.VitDropout);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = x + attn.call(ln1.call(x));
            return x + mlp.call(ln2.call(x));
        }
    }

    private sealed class VisionAttention : Module<Tensor, Tensor>
    {
        private readonly Layers.Linear qkv_proj;
        private readonly Layers.Linear out_proj;
        private readonly long heads;
        private readonly double dropout;

        public VisionAttention(long hiddenSize, long heads, double dropout) : base(nameof(VisionAttention))
        {
            this.heads = heads;
            this.dropout = dropout;
            qkv_proj = new Layers.Linear(hiddenSize, 3 * hiddenSize);
            out_proj = new Layers.Linear(hiddenSize, hiddenSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var (batch, tokens, size) = (x.shape[0], x.shape[1], x.shape[2]);
            var parts = qkv_proj.call(x).split(size, -1).Select(part => part.view(batch, tokens, heads, size / heads)).ToArray(); // 3 x [B, T, H, D]
            var y = Kernels.Attention(parts[0], parts[1], parts[2], null, null, causal: false, 1 / Math.Sqrt(size / heads));
            return functional.dropout(out_proj.call(y.view(batch, tokens, size)), dropout, training);
        }
    }
}
