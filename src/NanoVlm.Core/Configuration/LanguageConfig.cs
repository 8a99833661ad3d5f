namespace NanoVlm.Configuration;

/// <summary>
/// The architecture of a decoder. The defaults are Llama's shape; Gemma-3 differs in the values alone
/// (<see cref="HuggingFaceLanguage"/> reads them by <c>model_type</c>).
/// </summary>
public sealed record LanguageConfig
{
    /// <summary>Rows of the token embedding.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Width.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width inside the gated MLPs.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Blocks.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>Query heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Key and value heads; each serves an equal share of the query heads.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>The size of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Positions up to which the rotary embedding was trained.</summary>
    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>Base of the rotary embedding's wavelengths.</summary>
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>How the rotary embedding's frequencies are scaled for longer texts.</summary>
    public RopeScaling RopeScaling { get; init; } = new(RopeType.Default);

    /// <summary>Base of the rotary embedding in sliding-window layers, which are not scaled; null: as in the others.</summary>
    public double? RopeLocalTheta { get; init; }

    /// <summary>Factor on cosines and sines.</summary>
    public double AttentionScaling { get; init; } = 1;

    /// <summary>Epsilon of the RMS norms.</summary>
    public double RmsNormEps { get; init; } = 1e-5;

    /// <summary>Whether RMS norms multiply by 1 + weight (Gemma).</summary>
    public bool NormUnitOffset { get; init; }

    /// <summary>Whether each part of a block is normed after it too (Gemma).</summary>
    public bool SandwichNorm { get; init; }

    /// <summary>Whether queries and keys are normed, head by head, before they are rotated (Gemma-3).</summary>
    public bool QkNorm { get; init; }

    /// <summary>Whether token embeddings are multiplied by the square root of the width (Gemma).</summary>
    public bool EmbeddingScale { get; init; }

    /// <summary>Attention scores are divided by the square root of this; null: of the head's size.</summary>
    public double? QueryPreAttnScalar { get; init; }

    /// <summary>The last tokens, itself included, that a token of a sliding-window layer sees.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>What each layer sees; empty: all see everything before.</summary>
    public IReadOnlyList<LayerType> LayerTypes { get; init; } = [];

    /// <summary>The gate's activation.</summary>
    public Activation HiddenAct { get; init; } = Activation.Silu;

    /// <summary>Whether the attention's projections have biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the MLPs have biases.</summary>
    public bool MlpBias { get; init; }

    /// <summary>Whether the head shares the token embedding's weight.</summary>
    public bool TieWordEmbeddings { get; init; } = true;

    /// <summary>Logits are cap * tanh(logits / cap); null: as they are.</summary>
    public double? FinalLogitSoftcapping { get; init; }

    /// <summary>Whether padding, which may see nothing, takes the mean of all tokens, as in transformers; else of those before it, as in nanoVLM.</summary>
    public bool PaddingSeesAll { get; init; }

    /// <summary>The token whose embedding gets no gradient where it is read, as in transformers; null: none.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>Dropout, a probability.</summary>
    public double Dropout { get; init; }

    /// <summary>The window of a layer; 0: it sees everything before.</summary>
    /// <param name="layer">The layer's number.</param>
    public int Window(int layer) => layer < LayerTypes.Count && LayerTypes[layer] == LayerType.SlidingAttention ? SlidingWindow ?? 0 : 0;
}

/// <summary>What a layer's tokens see, named as in Hugging Face's <c>layer_types</c>.</summary>
public enum LayerType
{
    /// <summary>Everything before them.</summary>
    FullAttention,

    /// <summary>The last <see cref="LanguageConfig.SlidingWindow"/> tokens.</summary>
    SlidingAttention,
}

/// <summary>How rotary frequencies are scaled for texts longer than those trained on.</summary>
/// <param name="Type">The rule.</param>
/// <param name="Factor">How much longer texts may be.</param>
/// <param name="LowFreqFactor">Of <see cref="RopeType.Llama3"/>: wavelengths above original length / this are scaled whole.</param>
/// <param name="HighFreqFactor">Of <see cref="RopeType.Llama3"/>: wavelengths below original length / this are not scaled.</param>
/// <param name="OriginalMaxPositionEmbeddings">Of <see cref="RopeType.Llama3"/>: the length trained on; null: the model's maximum.</param>
public sealed record RopeScaling(RopeType Type, double Factor = 1, double LowFreqFactor = 1, double HighFreqFactor = 4, int? OriginalMaxPositionEmbeddings = null);

/// <summary>The rule of a <see cref="RopeScaling"/>.</summary>
public enum RopeType
{
    /// <summary>nanoVLM's: unscaled up to the maximum, then divided by (last position + 1) / maximum.</summary>
    Nanovlm,

    /// <summary>Unscaled at every length.</summary>
    Default,

    /// <summary>Divided by the factor.</summary>
    Linear,

    /// <summary>A larger base beyond the maximum, by the length of the text (NTK-aware).</summary>
    Dynamic,

    /// <summary>Long wavelengths divided by the factor, short ones left, those between blended (Llama 3.1).</summary>
    Llama3,
}
