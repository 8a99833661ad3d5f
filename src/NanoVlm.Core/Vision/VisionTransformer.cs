using NanoVlm.Kernels;
using NanoVlm.Configuration;
using NanoVlm.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Vision;

/// <summary>
/// A vision transformer: patches as tokens, pre-norm blocks, a final layer norm (Dosovitskiy et al., 2021). SigLIP, DINOv3, DINOv2, ViT, DeiT
/// and CLIP are values of its configuration. Names follow nanoVLM (models/vision_transformer.py).
/// </summary>
public sealed class VisionTransformer : Module<Tensor, ScalarType, Tensor>
{
    private readonly PatchEmbed patch_embedding;
    private readonly RotaryEmbedding2D? rotary_embd;
    private readonly Layers.LayerNorm? pre_norm;
    private readonly ModuleList<EncoderBlock> blocks;
    private readonly Layers.LayerNorm layer_norm;
    private readonly Module<Tensor, Tensor>? pooler;

    /// <param name="config">The architecture.</param>
    public VisionTransformer(VisionConfig config) : base(nameof(VisionTransformer))
    {
        Config = config;
        patch_embedding = new PatchEmbed(config);
        rotary_embd = config.PositionEmbedding == PositionEmbedding.Rope2d ? new RotaryEmbedding2D(config) : null;
        pre_norm = config.PreNorm ? new Layers.LayerNorm(config.HiddenSize, config.LayerNormEps) : null;
        blocks = ModuleList(Enumerable.Range(0, config.NumHiddenLayers).Select(layer => new EncoderBlock(config, layer)).ToArray());
        layer_norm = new Layers.LayerNorm(config.HiddenSize, config.LayerNormEps);
        pooler = config.Pooler switch
        {
            Pooler.Attention => new AttentionPool(config),
            Pooler.Tanh => new TanhPool(config),
            _ => null,
        };
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public VisionConfig Config { get; }

    /// <summary>Whether blocks keep their inputs alone for the backward and are computed again in it: less memory for more time.</summary>
    public bool CheckpointActivations { get; set; }

    /// <summary>The features of all tokens after the final norm (CLIP: before it).</summary>
    /// <param name="pixels">[N, 3, H, W].</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <returns>[N, prefix + patches, hidden]: CLS, distillation token, registers, patches.</returns>
    public override Tensor forward(Tensor pixels, ScalarType dtype) => forward(pixels, dtype, null);

    /// <summary>As <see cref="forward(Tensor, ScalarType)"/>; also keeps every block's input and the last block's output.</summary>
    /// <param name="pixels">[N, 3, H, W].</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <param name="hiddenStates">Receives them, detached from the scope.</param>
    public Tensor forward(Tensor pixels, ScalarType dtype, List<Tensor>? hiddenStates)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = patch_embedding.Grid(pixels);
        var x = functional.dropout(patch_embedding.forward(pixels, dtype), Config.Dropout, training); // [N, T, C]
        if (pre_norm is not null) x = pre_norm.call(x);
        var rotation = rotary_embd?.Angles(rows, columns, pixels.device); // [T, D]
        foreach (var block in blocks)
        {
            hiddenStates?.Add(x.alias().DetachFromDisposeScope());
            using var input = x; // nobody needs it after the block but the gradients, which hold it themselves
            x = CheckpointActivations
                ? ActivationCheckpoint.Run(block, inputs => block.forward(inputs[0]!, inputs[1] is { } cos ? (cos, inputs[2]!) : null), x, rotation?.Cos, rotation?.Sin)
                : block.forward(x, rotation);
        }
        hiddenStates?.Add(x.alias().DetachFromDisposeScope());
        return (Config.PostNorm ? layer_norm.call(x) : x).MoveToOuterDisposeScope();
    }

    /// <summary>How much each token takes of every other in a block, computed again from the block's input.</summary>
    /// <param name="block">The block's number, from 0.</param>
    /// <param name="hiddenState">Its input, [N, prefix + patches, hidden]: the hidden state of the same number.</param>
    /// <param name="pixels">[N, 3, H, W] as they went in.</param>
    /// <returns>[N, heads, T, T], float32: of query by key; rows add up to 1.</returns>
    public Tensor AttentionProbabilities(int block, Tensor hiddenState, Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = patch_embedding.Grid(pixels);
        return blocks[block].AttentionProbabilities(hiddenState, rotary_embd?.Angles(rows, columns, pixels.device)).MoveToOuterDisposeScope();
    }

    /// <summary>One vector for each image.</summary>
    /// <param name="tokens">What <see cref="forward(Tensor, ScalarType)"/> gave.</param>
    /// <returns>[N, hidden].</returns>
    /// <exception cref="InvalidOperationException">The architecture has no such vector.</exception>
    public Tensor Pool(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var pooled = Config.Pooler switch
        {
            Pooler.Class => tokens.select(1, 0),
            Pooler.NormedClass => layer_norm.call(tokens.select(1, 0)),
            Pooler.Attention or Pooler.Tanh => pooler!.call(tokens),
            _ => throw new InvalidOperationException("This vision tower pools nothing."),
        };
        return pooled.MoveToOuterDisposeScope();
    }

    /// <summary>The patches' features alone, and their grid.</summary>
    /// <param name="tokens">What <see cref="forward(Tensor, ScalarType)"/> gave.</param>
    /// <param name="pixels">[N, 3, H, W] as they went in.</param>
    /// <returns>[N, rows * columns, hidden].</returns>
    public (Tensor Patches, long Rows, long Columns) Patches(Tensor tokens, Tensor pixels)
    {
        var (rows, columns) = patch_embedding.Grid(pixels);
        return (tokens.narrow(1, Config.PrefixTokens, rows * columns), rows, columns);
    }
}
