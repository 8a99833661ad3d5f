using NanoVlm.Configuration;
using NanoVlm.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Language;

/// <summary>
/// A decoder in Llama's shape (Touvron et al., 2023): RMSNorm before each part, grouped-query attention with rotary
/// positions, SwiGLU, and a head that is tied to the token embedding or separate. Names follow nanoVLM
/// (models/language_model.py).
/// </summary>
public sealed class CausalLanguageModel : Module
{
    private readonly Layers.Embedding token_embedding;
    private readonly RotaryEmbedding rotary_embd;
    private readonly ModuleList<DecoderBlock> blocks;
    private readonly RmsNorm norm;
    private readonly Layers.Linear? head;

    /// <param name="config">The <c>lm_*</c> keys.</param>
    public CausalLanguageModel(VlmConfig config) : base(nameof(CausalLanguageModel))
    {
        token_embedding = new Layers.Embedding(config.LmVocabSize, config.LmHiddenDim);
        rotary_embd = new RotaryEmbedding(config.LmHiddenDim / config.LmNHeads, config.LmReBase, config.LmMaxPositionEmbeddings, config.LmAttnScaling);
        blocks = ModuleList(Enumerable.Range(0, config.LmNBlocks).Select(layer => new DecoderBlock(config, layer)).ToArray());
        norm = new RmsNorm(config.LmHiddenDim, config.LmRmsEps);
        head = config.LmTieWeights ? null : new Layers.Linear(config.LmHiddenDim, config.LmVocabSize, hasBias: false);
        RegisterComponents();
    }

    /// <summary>The number of layers.</summary>
    public int Layers => blocks.Count;

    /// <summary>The head's weight, [vocabulary, hidden]; the token embedding's where they are tied.</summary>
    public Parameter HeadWeight => head?.weight ?? token_embedding.weight;

    /// <summary>The embeddings of tokens.</summary>
    /// <param name="ids">[B, T], Int64.</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <returns>[B, T, hidden].</returns>
    public Tensor Embed(Tensor ids, ScalarType dtype) => token_embedding.call(ids, dtype);

    /// <summary>Logits over the vocabulary.</summary>
    /// <param name="hidden">[..., hidden], after the final norm.</param>
    /// <returns>[..., vocabulary], float32.</returns>
    public Tensor Logits(Tensor hidden) => Kernels.Linear(hidden, HeadWeight).to(ScalarType.Float32);

    /// <summary>Hidden states after the final norm.</summary>
    /// <param name="embeddings">[B, T, hidden].</param>
    /// <param name="attentionMask">[B, S] over all keys, cached ones included; 0 where padding is. Null: nothing is padding.</param>
    /// <param name="cache">Keys and values of the tokens before these; the new ones are added.</param>
    /// <param name="hiddenStates">Receives every block's input and the last block's output, if given.</param>
    /// <param name="layout">Where rows hold several texts; null: one text from position 0, or from where the cache ends.</param>
    /// <param name="rows">[N], numbers in B T: the only positions whose result is wanted. The last block computes no others.</param>
    /// <returns>[B, T, hidden]; [N, hidden] with <paramref name="rows"/>.</returns>
    public Tensor forward(
        Tensor embeddings, Tensor? attentionMask = null, KvCache? cache = null, List<Tensor>? hiddenStates = null, RowLayout? layout = null, Tensor? rows = null)
    {
        using var scope = NewDisposeScope();
        var start = cache?.Length ?? 0;
        var end = start + embeddings.shape[1];
        var (cos, sin) = layout is null
            ? rotary_embd.Angles(arange(start, end, device: embeddings.device), end - 1) // [T, D]
            : rotary_embd.Angles(layout.Positions, layout.LastPosition);                 // [B, T, D]
        var seen = new Visibility(cos, sin, attentionMask, layout?.Documents, cache);
        var x = embeddings;
        for (var layer = 0; layer < blocks.Count; layer++)
        {
            hiddenStates?.Add(x.alias().DetachFromDisposeScope());
            x = blocks[layer].forward(x, seen, layer == blocks.Count - 1 ? rows : null);
        }
        hiddenStates?.Add(x.alias().DetachFromDisposeScope());
        return norm.call(x).MoveToOuterDisposeScope();
    }

    private sealed class DecoderBlock : Module
    {
        private readonly GatedMlp mlp;
        private readonly GroupedQueryAttention attn;
        private readonly RmsNorm norm1;
        private readonly RmsNorm norm2;

        public DecoderBlock(VlmConfig config, int layer) : base(nameof(DecoderBlock))
        {
            mlp = new GatedMlp(config.LmHiddenDim, config.LmInterDim);
            attn = new GroupedQueryAttention(config, layer);
            norm1 = new RmsNorm(config.LmHiddenDim, config.LmRmsEps);
            norm2 = new RmsNorm(config.LmHiddenDim, config.LmRmsEps);
            RegisterComponents();
        }

        public Tensor forward(Tensor x, Visibility seen, Tensor? rows)
        {
            x = Select(x, rows) + attn.forward(norm1.call(x), seen, rows);
            return x + mlp.call(norm2.call(x));
        }
    }

    private sealed class GroupedQueryAttention : Module
    {
        private readonly Layers.Linear q_proj;
        private readonly Layers.Linear k_proj;
        private readonly Layers.Linear v_proj;
        private readonly Layers.Linear out_proj;
        private readonly int layer;
        private readonly long heads;
        private readonly long kvHeads;
        private readonly long headDim;
        private readonly double dropout;

        public GroupedQueryAttention(VlmConfig config, int layer) : base(nameof(GroupedQueryAttention))
        {
            this.layer = layer;
            heads = config.LmNHeads;
            kvHeads = config.LmNKvHeads;
            headDim = config.LmHiddenDim / config.LmNHeads;
            dropout = config.LmDropout;
            q_proj = new Layers.Linear(config.LmHiddenDim, heads * headDim, hasBias: false);
            k_proj = new Layers.Linear(config.LmHiddenDim, kvHeads * headDim, hasBias: false);
            v_proj = new Layers.Linear(config.LmHiddenDim, kvHeads * headDim, hasBias: false);
            out_proj = new Layers.Linear(heads * headDim, config.LmHiddenDim, hasBias: false);
            RegisterComponents();
        }

        public Tensor forward(Tensor x, Visibility seen, Tensor? rows)
        {
            var (batch, tokens) = (x.shape[0], x.shape[1]);
            var q = Kernels.Rotary(q_proj.call(x).view(batch, tokens, heads, headDim), seen.Cos, seen.Sin);   // [B, T, H, D]
            var k = Kernels.Rotary(k_proj.call(x).view(batch, tokens, kvHeads, headDim), seen.Cos, seen.Sin); // [B, T, G, D]
            var v = v_proj.call(x).view(batch, tokens, kvHeads, headDim);                                     // [B, T, G, D]
            if (seen.Cache is not null) (k, v) = seen.Cache.Append(layer, k, v);
            var y = Kernels.Attention(q, k, v, seen.AttentionMask, seen.Documents, causal: true, 1 / Math.Sqrt(headDim)); // [B, T, H, D]
            return functional.dropout(out_proj.call(Select(y.view(batch, tokens, heads * headDim), rows)), dropout, training);
        }
    }

    // What every block needs to know of the tokens: where they are and which see each other.
    private sealed record Visibility(Tensor Cos, Tensor Sin, Tensor? AttentionMask, Tensor? Documents, KvCache? Cache);

    private static Tensor Select(Tensor x, Tensor? rows) => rows is null ? x : x.view(-1, x.shape[^1]).index_select(0, rows);
}
