using NanoVlm.Kernels;
using NanoVlm.Configuration;
using NanoVlm.Layers;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Language;

/// <summary>
/// A decoder in Llama's shape (Touvron et al., 2023): RMSNorm before each part, grouped-query attention with rotary positions, a gated
/// MLP, and a head that is tied to the token embedding or separate. Gemma-3 adds norms after each part and of queries and keys, and windows by
/// layer. Names follow nanoVLM (models/language_model.py).
/// </summary>
public sealed class CausalLanguageModel : Module
{
    private readonly Layers.Embedding token_embedding;
    private readonly RotaryEmbedding rotary_embd;
    private readonly RotaryEmbedding? rotary_embd_local; // of sliding-window layers
    private readonly ModuleList<DecoderBlock> blocks;
    private readonly RmsNorm norm;
    private readonly Layers.Linear? head;

    /// <param name="config">The architecture.</param>
    public CausalLanguageModel(LanguageConfig config) : base(nameof(CausalLanguageModel))
    {
        Config = config;
        token_embedding = new Layers.Embedding(config.VocabSize, config.HiddenSize);
        rotary_embd = new RotaryEmbedding(config.HeadDim, config.RopeTheta, config.RopeScaling, config.MaxPositionEmbeddings, config.AttentionScaling);
        rotary_embd_local = config.RopeLocalTheta is { } theta
            ? new RotaryEmbedding(config.HeadDim, theta, new RopeScaling(RopeType.Default), config.MaxPositionEmbeddings, config.AttentionScaling, persistent: false)
            : null;
        blocks = ModuleList(Enumerable.Range(0, config.NumHiddenLayers).Select(layer => new DecoderBlock(config, layer)).ToArray());
        norm = new RmsNorm(config.HiddenSize, config.RmsNormEps, config.NormUnitOffset);
        head = config.TieWordEmbeddings ? null : new Layers.Linear(config.HiddenSize, config.VocabSize, hasBias: false);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public LanguageConfig Config { get; }

    /// <summary>Whether blocks keep their inputs alone for the backward and are computed again in it: less memory for more time.</summary>
    public bool CheckpointActivations { get; set; }

    /// <summary>The number of layers.</summary>
    public int Layers => blocks.Count;

    /// <summary>The head's weight, [vocabulary, hidden]; the token embedding's where they are tied.</summary>
    public Parameter HeadWeight => head?.weight ?? token_embedding.weight;

    /// <summary>Whether a token's rotary angles depend on how long the text is, which reaches this position.</summary>
    internal bool AnglesDependOnLength(long last) => last >= Config.MaxPositionEmbeddings && Config.RopeScaling.Type is (RopeType.Nanovlm or RopeType.Dynamic);

    /// <summary>The dtype of matrix products and attention. The residual stream between them, norms, softmax and rotary angles are float32, and so are all weights.</summary>
    public ScalarType ComputeDtype { get; set; } = ScalarType.Float32;

    /// <summary>The embeddings of tokens, where the residual stream begins.</summary>
    /// <param name="ids">[B, T], Int64.</param>
    /// <returns>[B, T, hidden], float32.</returns>
    public Tensor Embed(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var x = token_embedding.call(ids, ScalarType.Float32);
        if (Config.PadTokenId is { } pad && x.requires_grad) x = where((ids == scalar(pad)).unsqueeze(-1), x.detach(), x);
        if (Config.EmbeddingScale) x = x * scalar((float)Math.Sqrt(Config.HiddenSize));
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>Logits over the vocabulary.</summary>
    /// <param name="hidden">[..., hidden], after the final norm.</param>
    /// <returns>[..., vocabulary], float32.</returns>
    public Tensor Logits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var logits = Operators.Linear(hidden, HeadWeight, result: ScalarType.Float32);
        return (Config.FinalLogitSoftcapping is { } cap ? (logits / scalar(cap)).tanh() * scalar(cap) : logits).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of the cross-entropy of some positions.</summary>
    /// <param name="hidden">[N, hidden], after the final norm.</param>
    /// <param name="targets">[N], Int64: the token after each.</param>
    /// <returns>A float32 number.</returns>
    public Tensor CrossEntropy(Tensor hidden, Tensor targets) => Operators.LinearCrossEntropy(hidden, HeadWeight, targets, Config.FinalLogitSoftcapping);

    /// <summary>Hidden states after the final norm.</summary>
    /// <param name="embeddings">[B, T, hidden], float32.</param>
    /// <param name="attentionMask">[B, T], 0 where padding is; not with a cache. Null: nothing is padding.</param>
    /// <param name="cache">Keys and values of the tokens before these; the new ones are added. Several tokens at a time come to rows of one length.</param>
    /// <param name="hiddenStates">Receives every block's input and the last block's output, if given.</param>
    /// <param name="layout">Where rows hold several texts, or one that does not begin at 0; null: one text from position 0, or from where the cache's first row ends.</param>
    /// <param name="rows">[N], numbers in B T: the only positions whose result is wanted. The last block computes no others.</param>
    /// <param name="spans">[B, T], Int64: tokens of one span, 0 being none, see each other in both directions, as an image's do in Gemma-3.</param>
    /// <param name="lengths">With a cache, how many tokens of each row are to be kept; what stands behind them is padding. Null: all.</param>
    /// <returns>[B, T, hidden]; [N, hidden] with <paramref name="rows"/>; in the compute dtype.</returns>
    public Tensor forward(
        Tensor embeddings, Tensor? attentionMask = null, KvCache? cache = null, List<Tensor>? hiddenStates = null, RowLayout? layout = null, Tensor? rows = null, Tensor? spans = null,
        IReadOnlyList<long>? lengths = null)
    {
        using var scope = NewDisposeScope();
        if (cache is not null && attentionMask is not null) throw new ArgumentException("A cache holds no padding: give lengths instead of a mask.", nameof(attentionMask));
        var start = cache?.Lengths[0] ?? 0;
        cache?.Begin(lengths ?? [.. Enumerable.Repeat(embeddings.shape[1], (int)embeddings.shape[0])]);
        var positions = layout?.Positions ?? range(start, start + embeddings.shape[1], device: embeddings.device); // [T], or [B, T]
        var last = layout?.LastPosition ?? start + embeddings.shape[1] - 1;
        var far = Angles(rotary_embd);
        var near = rotary_embd_local is null ? far : Angles(rotary_embd_local);
        var seen = new Visibility
        {
            Causal = true,
            KeyMask = attentionMask,
            Documents = layout?.Documents,
            DocumentStarts = spans is null && attentionMask is null ? layout?.DocumentStarts : null,
            LongestDocument = layout?.LongestDocument ?? 0,
            Positions = layout?.Documents is null ? null : positions,
            Spans = spans,
            PaddingSeesAll = Config.PaddingSeesAll,
        };
        var x = embeddings;
        for (var layer = 0; layer < blocks.Count; layer++)
        {
            hiddenStates?.Add(x.alias().DetachFromDisposeScope());
            var window = Config.Window(layer);
            var block = blocks[layer];
            var (angles, visible, wanted) = (window > 0 ? near : far, seen with { Window = window }, layer == blocks.Count - 1 ? rows : null);
            x = CheckpointActivations && cache is null
                ? ActivationCheckpoint.Run(block, given => block.forward(given[0]!, ComputeDtype, (given[1]!, given[2]!), visible.Of(given.AsSpan(3, 4)), null, given[7]),
                    [x, angles.Cos, angles.Sin, .. visible.Tensors, wanted])
                : block.forward(x, ComputeDtype, angles, visible, cache, wanted);
        }
        cache?.End();
        hiddenStates?.Add(x.alias().DetachFromDisposeScope());
        return norm.call(x, ComputeDtype).MoveToOuterDisposeScope();

        (Tensor Cos, Tensor Sin) Angles(RotaryEmbedding rotary) => layout?.LastPositions is { } lasts ? rotary.Angles(positions, lasts) : rotary.Angles(positions, last);
    }

    private sealed class DecoderBlock : Module
    {
        private readonly GatedMlp mlp;
        private readonly GroupedQueryAttention attn;
        private readonly RmsNorm norm1;
        private readonly RmsNorm? post_norm1;
        private readonly RmsNorm norm2;
        private readonly RmsNorm? post_norm2;

        public DecoderBlock(LanguageConfig config, int layer) : base(nameof(DecoderBlock))
        {
            mlp = new GatedMlp(config.HiddenSize, config.IntermediateSize, config.HiddenAct, config.MlpBias);
            attn = new GroupedQueryAttention(config, layer);
            norm1 = Norm();
            post_norm1 = config.SandwichNorm ? Norm() : null;
            norm2 = Norm();
            post_norm2 = config.SandwichNorm ? Norm() : null;
            RegisterComponents();

            RmsNorm Norm() => new(config.HiddenSize, config.RmsNormEps, config.NormUnitOffset);
        }

        public Tensor forward(Tensor x, ScalarType dtype, (Tensor, Tensor) rotation, Visibility seen, KvCache? cache, Tensor? rows)
        {
            using var scope = NewDisposeScope(); // what the gradients do not need is gone before the next block
            var attended = attn.forward(norm1.call(x, dtype), rotation, seen, cache, rows);
            x = Operators.AddResidual(Select(x, rows), post_norm1?.call(attended, dtype) ?? attended);
            var made = mlp.call(norm2.call(x, dtype));
            return Operators.AddResidual(x, post_norm2?.call(made, dtype) ?? made).MoveToOuterDisposeScope();
        }
    }

    private sealed class GroupedQueryAttention : Module
    {
        private readonly Layers.Linear q_proj;
        private readonly Layers.Linear k_proj;
        private readonly Layers.Linear v_proj;
        private readonly Layers.Linear out_proj;
        private readonly RmsNorm? q_norm;
        private readonly RmsNorm? k_norm;
        private readonly LanguageConfig config;
        private readonly int layer;

        public GroupedQueryAttention(LanguageConfig config, int layer) : base(nameof(GroupedQueryAttention))
        {
            this.config = config;
            this.layer = layer;
            var (queries, keys) = (config.NumAttentionHeads * config.HeadDim, config.NumKeyValueHeads * config.HeadDim);
            q_proj = new Layers.Linear(config.HiddenSize, queries, config.AttentionBias);
            k_proj = new Layers.Linear(config.HiddenSize, keys, config.AttentionBias);
            v_proj = new Layers.Linear(config.HiddenSize, keys, config.AttentionBias);
            out_proj = new Layers.Linear(queries, config.HiddenSize, config.AttentionBias);
            q_norm = config.QkNorm ? new RmsNorm(config.HeadDim, config.RmsNormEps, config.NormUnitOffset) : null;
            k_norm = config.QkNorm ? new RmsNorm(config.HeadDim, config.RmsNormEps, config.NormUnitOffset) : null;
            RegisterComponents();
        }

        public Tensor forward(Tensor x, (Tensor Cos, Tensor Sin) rotation, Visibility seen, KvCache? cache, Tensor? rows)
        {
            var (batch, tokens, headDim) = (x.shape[0], x.shape[1], config.HeadDim);
            var q = q_proj.call(x).view(batch, tokens, config.NumAttentionHeads, headDim); // [B, T, H, D]
            var k = k_proj.call(x).view(batch, tokens, config.NumKeyValueHeads, headDim);  // [B, T, G, D]
            var v = v_proj.call(x).view(batch, tokens, config.NumKeyValueHeads, headDim);  // [B, T, G, D]
            q = Operators.Rotary(q_norm?.call(q, q.dtype) ?? q, rotation.Cos, rotation.Sin);
            k = Operators.Rotary(k_norm?.call(k, k.dtype) ?? k, rotation.Cos, rotation.Sin);
            var scale = 1 / Math.Sqrt(config.QueryPreAttnScalar ?? headDim);
            var y = cache is null ? Operators.Attention(q, k, v, scale, seen) : cache.Attend(layer, q, k, v, scale, seen); // [B, T, H, D]
            return functional.dropout(out_proj.call(Select(y.view(batch, tokens, config.NumAttentionHeads * headDim), rows)), config.Dropout, training);
        }
    }

    private static Tensor Select(Tensor x, Tensor? rows) => rows is null ? x : x.view(-1, x.shape[^1]).index_select(0, rows);
}
