namespace NanoVlm.Configuration;

/// <summary>
/// The architecture of a vision transformer. The defaults are SigLIP's shape; DINOv3, DINOv2, ViT, DeiT and CLIP differ in
/// the values alone (<see cref="HuggingFaceVision"/> reads them by <c>model_type</c>).
/// </summary>
public sealed record VisionConfig
{
    /// <summary>Width.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width inside the MLPs.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Blocks.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>Attention heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Side of a patch in pixels.</summary>
    public required int PatchSize { get; init; }

    /// <summary>Side in pixels of the square images that learned positions are of.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Epsilon of the layer norms.</summary>
    public double LayerNormEps { get; init; } = 1e-6;

    /// <summary>Dropout, a probability.</summary>
    public double Dropout { get; init; }

    /// <summary>How likely the last block is skipped in training; earlier ones less, in proportion (stochastic depth).</summary>
    public double DropPath { get; init; }

    /// <summary>How tokens know where they are.</summary>
    public PositionEmbedding PositionEmbedding { get; init; }

    /// <summary>Whether positions interpolated to a smaller grid are smoothed, as DINOv2 with registers does.</summary>
    public bool PositionAntialias { get; init; }

    /// <summary>Whether a CLS token stands before the patches.</summary>
    public bool ClassToken { get; init; }

    /// <summary>Whether DeiT's distillation token follows the CLS token.</summary>
    public bool DistillationToken { get; init; }

    /// <summary>Register tokens between the CLS token and the patches (Darcet et al., "Vision Transformers Need Registers", 2024).</summary>
    public int NumRegisterTokens { get; init; }

    /// <summary>Whether the patch embedding has a bias.</summary>
    public bool PatchBias { get; init; } = true;

    /// <summary>Whether a norm comes before the first block (CLIP).</summary>
    public bool PreNorm { get; init; }

    /// <summary>Whether the last norm is of all tokens; otherwise (CLIP) of what is pooled alone.</summary>
    public bool PostNorm { get; init; } = true;

    /// <summary>Which of the projections to queries, keys and values have a bias.</summary>
    public ProjectionBias QkvBias { get; init; }

    /// <summary>Whether the attention's output projection has a bias.</summary>
    public bool OutputBias { get; init; } = true;

    /// <summary>Whether the MLPs have biases.</summary>
    public bool MlpBias { get; init; } = true;

    /// <summary>Whether a learned scale follows each part of a block (Touvron et al., "Going deeper with Image Transformers", 2021).</summary>
    public bool LayerScale { get; init; }

    /// <summary>The MLPs' activation.</summary>
    public Activation HiddenAct { get; init; } = Activation.GeluTanh;

    /// <summary>Whether the MLPs are gated: down(act(gate(x)) * up(x)).</summary>
    public bool GatedMlp { get; init; }

    /// <summary>Base of the wavelengths of the rotary positions.</summary>
    public double RopeTheta { get; init; } = 100;

    /// <summary>In training, rotary coordinates are shifted by up to this much along each axis; null: not.</summary>
    public double? RopeShift { get; init; }

    /// <summary>In training, rotary coordinates are stretched along each axis by a factor of up to this much; null: not.</summary>
    public double? RopeJitter { get; init; }

    /// <summary>In training, rotary coordinates are stretched along both axes alike by a factor of up to this much; null: not.</summary>
    public double? RopeRescale { get; init; }

    /// <summary>How one vector is made of all tokens.</summary>
    public Pooler Pooler { get; init; }

    /// <summary>Whether images of another size than <see cref="ImageSize"/> are refused. Idefics3 gives each of their patches the position of the nearest
    /// in its table; nothing here makes such images.</summary>
    public bool FixedImageSize { get; init; }

    /// <summary>Tokens before the patches.</summary>
    public int PrefixTokens => (ClassToken ? 1 : 0) + (DistillationToken ? 1 : 0) + NumRegisterTokens;

    /// <summary>Tokens before the patches that have a learned position: all but the registers.</summary>
    public int PrefixPositions => (ClassToken ? 1 : 0) + (DistillationToken ? 1 : 0);
}

/// <summary>How the tokens of an image know where they are.</summary>
public enum PositionEmbedding
{
    /// <summary>A learned vector for each patch, added to it; interpolated (bicubic) for images of another size.</summary>
    Learned,

    /// <summary>Rotated queries and keys of the patches, by row and column (DINOv3).</summary>
    Rope2d,
}

/// <summary>Which of the projections to queries, keys and values have a bias.</summary>
public enum ProjectionBias
{
    /// <summary>All.</summary>
    All,

    /// <summary>Queries and values: a bias of keys shifts all scores of a query alike.</summary>
    QueryValue,

    /// <summary>None.</summary>
    None,
}

/// <summary>An MLP's activation, named as in Hugging Face's <c>hidden_act</c>.</summary>
public enum Activation
{
    /// <summary><c>gelu_pytorch_tanh</c>: GELU by its tanh approximation.</summary>
    GeluTanh,

    /// <summary><c>gelu</c>: GELU by the error function.</summary>
    Gelu,

    /// <summary><c>quick_gelu</c>: x sigmoid(1.702 x), CLIP's.</summary>
    QuickGelu,

    /// <summary><c>silu</c>: x sigmoid(x).</summary>
    Silu,
}

/// <summary>How one vector is made of all tokens of an image.</summary>
public enum Pooler
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>The CLS token as it is (DINOv2, DINOv3).</summary>
    Class,

    /// <summary>The CLS token, normed (CLIP).</summary>
    NormedClass,

    /// <summary>The CLS token through a linear layer and tanh (ViT, DeiT).</summary>
    Tanh,

    /// <summary>A learned query that attends to all tokens, then an MLP (SigLIP).</summary>
    Attention,
}
