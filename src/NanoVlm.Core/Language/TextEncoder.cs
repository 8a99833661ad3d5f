using NanoVlm.Kernels;
using NanoVlm.Configuration;
using NanoVlm.Layers;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Language;

/// <summary>
/// SigLIP's text tower: every token sees every other, padding included, and the last position stands for the text (transformers,
/// modeling_siglip.py).
/// </summary>
public sealed class TextEncoder : Module
{
    private readonly Layers.Embedding token_embedding;
    private readonly Parameter position_embedding; // [positions, hidden]
    private readonly ModuleList<EncoderBlock> blocks;
    private readonly Layers.LayerNorm layer_norm;
    private readonly Layers.Linear head;

    /// <param name="config">The architecture.</param>
    public TextEncoder(TextEncoderConfig config) : base(nameof(TextEncoder))
    {
        Config = config;
        var block = config.Encoder;
        token_embedding = new Layers.Embedding(config.VocabSize, block.HiddenSize);
        position_embedding = Parameter(empty(config.MaxPositionEmbeddings, block.HiddenSize));
        blocks = ModuleList(Enumerable.Range(0, block.NumHiddenLayers).Select(layer => new EncoderBlock(block, layer)).ToArray());
        layer_norm = new Layers.LayerNorm(block.HiddenSize, block.LayerNormEps);
        head = new Layers.Linear(block.HiddenSize, config.ProjectionSize);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public TextEncoderConfig Config { get; }

    /// <summary>The features of all tokens after the final norm.</summary>
    /// <param name="ids">[B, T], Int64.</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <param name="attentionMask">[B, T], 0 where padding is; null: everything is seen, padding too, as the model was trained.</param>
    /// <param name="hiddenStates">Receives every block's input and the last block's output, if given.</param>
    /// <returns>[B, T, hidden].</returns>
    /// <exception cref="ArgumentException">The text is longer than there are positions.</exception>
    public Tensor forward(Tensor ids, ScalarType dtype, Tensor? attentionMask = null, List<Tensor>? hiddenStates = null)
    {
        using var scope = NewDisposeScope();
        if (ids.shape[1] > Config.MaxPositionEmbeddings)
            throw new ArgumentException($"input_ids have {ids.shape[1]} tokens; there are positions for {Config.MaxPositionEmbeddings}.");
        var x = token_embedding.call(ids, ScalarType.Float32).plus(position_embedding.narrow(0, 0, ids.shape[1])); // [B, T, C]
        var visible = new Visibility { KeyMask = attentionMask };
        foreach (var block in blocks)
        {
            hiddenStates?.Add(x.alias().DetachFromDisposeScope());
            x = block.forward(x, dtype, visible: visible);
        }
        hiddenStates?.Add(x.alias().DetachFromDisposeScope());
        return layer_norm.call(x, dtype).MoveToOuterDisposeScope();
    }

    /// <summary>One vector for each text.</summary>
    /// <param name="tokens">What <see cref="forward"/> gave.</param>
    /// <returns>[B, projection].</returns>
    public Tensor Pool(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return head.call(tokens.select(1, tokens.shape[1] - 1)).MoveToOuterDisposeScope();
    }
}
