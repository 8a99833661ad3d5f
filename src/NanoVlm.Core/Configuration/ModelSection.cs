using System.ComponentModel.DataAnnotations;

namespace NanoVlm.Configuration;

/// <summary>The model to train: <c>model</c> in a run's configuration.</summary>
public sealed record ModelSection : IChecked
{
    /// <summary>The vision tower.</summary>
    public VisionSection Vision { get; init; } = new();

    /// <summary>The language model.</summary>
    public LanguageSection Language { get; init; } = new();

    /// <summary>What carries image features into the language model.</summary>
    public ProjectorSection Projector { get; init; } = new();

    /// <summary>How images become pixels.</summary>
    public ImageSection Image { get; init; } = new();

    /// <summary>The tokenizer: a folder or a <c>tokenizer.json</c>, relative to the configuration's folder or else to the current one.
    /// Null is the pretrained language model's, or the built-in one. Once loaded, a full path where there is such a file.</summary>
    public string? Tokenizer { get; init; }

    void IChecked.Check(ConfigurationRules rules)
    {
        if (Vision.Pretrained is not null) return; // its config.json has the rest of what follows
        rules.Require(
            Vision.ImageSize is null || Vision.ImageSize == Image.TileSize,
            "vision.image_size", $"{Vision.ImageSize} differs from model.image.tile_size, {Image.TileSize}; leave it out to follow the tile", "image.tile_size");
        rules.Require(
            Image.TileSize % Vision.PatchSize == 0,
            "image.tile_size", $"{Image.TileSize} is not a multiple of model.vision.patch_size, {Vision.PatchSize}", "vision.patch_size");
        var grid = Image.TileSize / Vision.PatchSize;
        rules.Require(
            grid > 0 && grid % Projector.PixelShuffleFactor == 0,
            "projector.pixel_shuffle_factor",
            $"{Projector.PixelShuffleFactor} does not divide the grid of {grid} x {grid} patches in a tile", "image.tile_size", "vision.patch_size");
    }

    // What a pretrained part is comes from its own config.json: dimensions of one model with the weights of another are a known trap.
    internal static void RequireNothingBeside(ConfigurationRules rules, string? pretrained, IEnumerable<string> keys)
    {
        if (pretrained is null) return;
        rules.Require(pretrained.Trim() != "", "pretrained", "is empty; name a model folder, or org/name on the Hub");
        foreach (var key in keys)
            rules.Require(!rules.Given(key), key, "comes with the pretrained model; leave it out");
    }
}

/// <summary>The vision tower: a pretrained one, or a new one of SigLIP's architecture under Hugging Face's names: <c>model.vision</c>.</summary>
public sealed record VisionSection : IChecked
{
    internal static readonly IReadOnlyList<string> ArchitectureKeys =
    [
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "patch_size", "image_size", "layer_norm_eps", "dropout",
        "initializer_range", "patch_initializer", "position_initializer", "position_initializer_range",
    ];

    /// <summary>A tower to start from: a folder of Hugging Face's, relative to the configuration's folder or else to the current one, or
    /// <c>org/name[@revision]</c> on the Hub. Its <c>config.json</c> is its architecture, so no other key of the architecture stands beside it.</summary>
    public string? Pretrained { get; init; }

    /// <summary>Width.</summary>
    [Range(1, int.MaxValue)]
    public int HiddenSize { get; init; } = 128;

    /// <summary>Width inside the MLPs.</summary>
    [Range(1, int.MaxValue)]
    public int IntermediateSize { get; init; } = 512;

    /// <summary>Blocks.</summary>
    [Range(1, int.MaxValue)]
    public int NumHiddenLayers { get; init; } = 4;

    /// <summary>Attention heads.</summary>
    [Range(1, int.MaxValue)]
    public int NumAttentionHeads { get; init; } = 4;

    /// <summary>Side of a patch in pixels.</summary>
    [Range(1, int.MaxValue)]
    public int PatchSize { get; init; } = 8;

    /// <summary>Side of the tower's input in pixels. Null follows <see cref="ImageSection.TileSize"/>, which it must equal.</summary>
    [Range(1, int.MaxValue)]
    public int? ImageSize { get; init; }

    /// <summary>Epsilon of the layer norms.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double LayerNormEps { get; init; } = 1e-6;

    /// <summary>Dropout, a probability.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Dropout { get; init; }

    /// <summary>Standard deviation of the matrices at the start; null: 1 / sqrt(inputs), which suits narrow models.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double? InitializerRange { get; init; }

    /// <summary>What the patch embedding is at the start.</summary>
    public PatchInitializer PatchInitializer { get; init; }

    /// <summary>What the position embeddings are at the start, before they are trained like all else.</summary>
    public PositionInitializer PositionInitializer { get; init; }

    /// <summary>Standard deviation of the position embeddings at the start. nanoVLM's uniform [0, 1) drowns the patches of a small tower.</summary>
    [Range(0.0, 1.0)]
    public double PositionInitializerRange { get; init; } = 0.02;

    void IChecked.Check(ConfigurationRules rules)
    {
        ModelSection.RequireNothingBeside(rules, Pretrained, ArchitectureKeys);
        rules.Require(
            HiddenSize % NumAttentionHeads == 0,
            "hidden_size", $"{HiddenSize} is not a multiple of num_attention_heads, {NumAttentionHeads}", "num_attention_heads");
    }

    /// <summary>The architecture that the keys describe.</summary>
    internal VisionConfig ToVisionConfig() => new()
    {
        HiddenSize = HiddenSize,
        IntermediateSize = IntermediateSize,
        NumHiddenLayers = NumHiddenLayers,
        NumAttentionHeads = NumAttentionHeads,
        PatchSize = PatchSize,
        ImageSize = ImageSize ?? PatchSize,
        LayerNormEps = LayerNormEps,
        Dropout = Dropout,
    };
}

/// <summary>The language model: a pretrained one, or a new one of Llama's architecture under Hugging Face's names: <c>model.language</c>.</summary>
public sealed record LanguageSection : IChecked
{
    internal static readonly IReadOnlyList<string> ArchitectureKeys =
    [
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "max_position_embeddings", "rope_theta",
        "rms_norm_eps", "tie_word_embeddings", "dropout", "initializer_range", "embedding_initializer_range",
    ];

    /// <summary>A language model to start from: a folder or a name, as for the tower.</summary>
    public string? Pretrained { get; init; }

    /// <summary>Width.</summary>
    [Range(1, int.MaxValue)]
    public int HiddenSize { get; init; } = 128;

    /// <summary>Width inside the gated MLPs.</summary>
    [Range(1, int.MaxValue)]
    public int IntermediateSize { get; init; } = 384;

    /// <summary>Blocks.</summary>
    [Range(1, int.MaxValue)]
    public int NumHiddenLayers { get; init; } = 4;

    /// <summary>Query heads.</summary>
    [Range(1, int.MaxValue)]
    public int NumAttentionHeads { get; init; } = 4;

    /// <summary>Key and value heads; each serves an equal share of the query heads.</summary>
    [Range(1, int.MaxValue)]
    public int NumKeyValueHeads { get; init; } = 2;

    /// <summary>Longest sequence that the rotary embedding covers, in tokens.</summary>
    [Range(1, int.MaxValue)]
    public int MaxPositionEmbeddings { get; init; } = 1024;

    /// <summary>Base of the rotary embedding's wavelengths.</summary>
    [Range(1, int.MaxValue)]
    public int RopeTheta { get; init; } = 10_000;

    /// <summary>Epsilon of the RMS norms.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double RmsNormEps { get; init; } = 1e-5;

    /// <summary>Whether the head shares the token embedding's weight.</summary>
    public bool TieWordEmbeddings { get; init; } = true;

    /// <summary>Dropout, a probability.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Dropout { get; init; }

    /// <summary>Standard deviation of the matrices at the start; null: 1 / sqrt(inputs), which suits narrow models.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double? InitializerRange { get; init; }

    /// <summary>Standard deviation of the token embeddings at the start.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double EmbeddingInitializerRange { get; init; } = 0.02;

    /// <summary>Rows of the token embedding are a multiple of this; some processors multiply by such matrices faster.</summary>
    [Range(1, 1_000_000)]
    public int PadVocabularyToMultipleOf { get; init; } = 1;

    void IChecked.Check(ConfigurationRules rules)
    {
        ModelSection.RequireNothingBeside(rules, Pretrained, ArchitectureKeys);
        rules.Require(
            HiddenSize % NumAttentionHeads == 0,
            "hidden_size", $"{HiddenSize} is not a multiple of num_attention_heads, {NumAttentionHeads}", "num_attention_heads");
        rules.Require(
            HiddenSize % NumAttentionHeads != 0 || HiddenSize / NumAttentionHeads % 2 == 0,
            "hidden_size",
            $"a head of {HiddenSize} / {NumAttentionHeads} values cannot be rotated in pairs; its size must be even", "num_attention_heads");
        rules.Require(
            NumAttentionHeads % NumKeyValueHeads == 0,
            "num_key_value_heads", $"{NumKeyValueHeads} does not divide num_attention_heads, {NumAttentionHeads}", "num_attention_heads");
    }

    /// <summary>The architecture that the keys describe; the vocabulary is the tokenizer's.</summary>
    internal LanguageConfig ToLanguageConfig() => new()
    {
        VocabSize = 1,
        HiddenSize = HiddenSize,
        IntermediateSize = IntermediateSize,
        NumHiddenLayers = NumHiddenLayers,
        NumAttentionHeads = NumAttentionHeads,
        NumKeyValueHeads = NumKeyValueHeads,
        HeadDim = HiddenSize / NumAttentionHeads,
        MaxPositionEmbeddings = MaxPositionEmbeddings,
        RopeTheta = RopeTheta,
        RmsNormEps = RmsNormEps,
        TieWordEmbeddings = TieWordEmbeddings,
        Dropout = Dropout,
    };
}

/// <summary>What carries image features into the language model: <c>model.projector</c>.</summary>
public sealed record ProjectorSection
{
    /// <summary>Side of the square of patches that becomes one image token.</summary>
    [Range(1, int.MaxValue)]
    public int PixelShuffleFactor { get; init; } = 2;

    /// <summary>What follows the pixel shuffle.</summary>
    public ProjectorKind Kind { get; init; }

    /// <summary>Standard deviation of its weights at the start; null: 1 / sqrt(inputs).</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double? InitializerRange { get; init; }
}

/// <summary>How the patch embedding begins.</summary>
public enum PatchInitializer
{
    /// <summary>Drawn from a normal distribution, as the other matrices.</summary>
    Normal,

    /// <summary>Filters that whiten the patches of some training images, so that edges are as loud as brightness.</summary>
    Whiten,
}

/// <summary>How position embeddings begin.</summary>
public enum PositionInitializer
{
    /// <summary>Drawn from a normal distribution.</summary>
    Normal,

    /// <summary>Sines and cosines of row and column, as in a fixed 2-D encoding: neighbours are alike from the first step.</summary>
    Sincos,
}

/// <summary>The layers after the pixel shuffle.</summary>
public enum ProjectorKind
{
    /// <summary>One linear layer without bias, nanoVLM's.</summary>
    Linear,

    /// <summary>Two linear layers with biases and GELU between them, as LLaVA-1.5's.</summary>
    Mlp,

    /// <summary>Gemma-3's: instead of the pixel shuffle the mean of each square of patches, an RMS norm, a linear layer.</summary>
    AveragePool,
}

/// <summary>How images become pixels: <c>model.image</c>.</summary>
public sealed record ImageSection : IChecked
{
    /// <summary>Side of a tile in pixels: the square that the vision tower sees.</summary>
    [Range(1, int.MaxValue)]
    public int TileSize { get; init; } = 64;

    /// <summary>Longest side of an image that is split, in pixels, after scaling. Unused unless <see cref="Split"/>.</summary>
    [Range(1, int.MaxValue)]
    public int MaxSide { get; init; } = 64;

    /// <summary>Whether a large image is seen as tiles and, before them, as a whole; otherwise it is scaled to one tile.</summary>
    public bool Split { get; init; }

    /// <summary>Whether a small image is enlarged until its longest side is <see cref="MaxSide"/>. Unused unless <see cref="Split"/>.</summary>
    public bool Upscale { get; init; }

    /// <summary>Whether an image keeps its shape, with margins of the mean colour, which cost no more tiles; otherwise it is stretched to whole tiles, as
    /// nanoVLM does.</summary>
    public bool KeepAspectRatio { get; init; } = true;

    /// <summary>Subtracted from the red, green and blue values, which are in [0, 1]. Null is the pretrained tower's own
    /// (<c>preprocessor_config.json</c>), or 0.5.</summary>
    [Length(3, 3)]
    [Range(0.0, 1.0)]
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>What the red, green and blue values are then divided by. Null: as for the mean.</summary>
    [Length(3, 3)]
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public IReadOnlyList<double>? Std { get; init; }

    void IChecked.Check(ConfigurationRules rules)
    {
        if (!Split)
            return;
        rules.Require(MaxSide % TileSize == 0, "max_side", $"{MaxSide} is not a multiple of tile_size, {TileSize}", "tile_size", "split");
        rules.Require(
            MaxSide / TileSize <= ExtraTokens.LargestGrid,
            "max_side",
            $"{MaxSide} is more than {ExtraTokens.LargestGrid} tiles of {TileSize} along a side, for which there are no tokens", "tile_size", "split");
    }
}
