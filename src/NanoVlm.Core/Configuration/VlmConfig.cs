using System.ComponentModel.DataAnnotations;
using System.Text;

namespace NanoVlm.Configuration;

/// <summary>
/// A checkpoint's <c>config.json</c>: nanoVLM's <c>VLMConfig</c> (models/config.py), key for key, in its order and with its
/// defaults, so that either side reads what the other wrote. Property names are nanoVLM's in C# casing:
/// <c>vit_</c> the vision tower, <c>lm_</c> the language model, <c>mp_</c> the modality projector.
/// </summary>
public sealed partial record VlmConfig : IChecked
{
    /// <summary>The name of the file in a checkpoint folder.</summary>
    public const string FileName = "config.json";

    /// <summary>Width of the vision tower.</summary>
    [Range(1, int.MaxValue)]
    public int VitHiddenDim { get; init; } = 768;

    /// <summary>Width inside the vision tower's MLPs.</summary>
    [Range(1, int.MaxValue)]
    public int VitInterDim { get; init; } = 4 * 768;

    /// <summary>Side of a patch in pixels.</summary>
    [Range(1, int.MaxValue)]
    public int VitPatchSize { get; init; } = 16;

    /// <summary>Side of a tile in pixels: the square that the vision tower sees.</summary>
    [Range(1, int.MaxValue)]
    public int VitImgSize { get; init; } = 512;

    /// <summary>Attention heads of the vision tower.</summary>
    [Range(1, int.MaxValue)]
    public int VitNHeads { get; init; } = 12;

    /// <summary>Dropout in the vision tower, a probability.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double VitDropout { get; init; }

    /// <summary>Blocks of the vision tower.</summary>
    [Range(1, int.MaxValue)]
    public int VitNBlocks { get; init; } = 12;

    /// <summary>Epsilon of the vision tower's layer norms.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double VitLnEps { get; init; } = 1e-6;

    /// <summary>Whether the vision tower has a CLS token.</summary>
    public bool VitClsFlag { get; init; }

    /// <summary>The Hugging Face name of the vision tower's origin.</summary>
    public string VitModelType { get; init; } = "google/siglip2-base-patch16-512";

    /// <summary>Width of the language model.</summary>
    [Range(1, int.MaxValue)]
    public int LmHiddenDim { get; init; } = 960;

    /// <summary>Width inside the language model's gated MLPs.</summary>
    [Range(1, int.MaxValue)]
    public int LmInterDim { get; init; } = 2560;

    /// <summary>Epsilon of the language model's RMS norms.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double LmRmsEps { get; init; } = 1e-5;

    /// <summary>Base of the rotary embedding's wavelengths (theta).</summary>
    [Range(1, int.MaxValue)]
    public int LmReBase { get; init; } = 100000;

    /// <summary>Positions up to which the rotary embedding runs unscaled.</summary>
    [Range(1, int.MaxValue)]
    public int LmMaxPositionEmbeddings { get; init; } = 8192;

    /// <summary>Tokens of the tokenizer before the extra ones.</summary>
    [Range(1, int.MaxValue)]
    public int LmBaseVocabSize { get; init; } = 49152;

    /// <summary>Tokens added for images.</summary>
    [Range(0, int.MaxValue)]
    public int ExtraTokenAmount { get; init; } = 66;

    /// <summary>Rows of the token embedding: base and extra tokens together.</summary>
    [Range(1, int.MaxValue)]
    public int LmVocabSize { get; init; } = 49152 + 66;

    /// <summary>Query heads of the language model.</summary>
    [Range(1, int.MaxValue)]
    public int LmNHeads { get; init; } = 15;

    /// <summary>Key and value heads of the language model; each serves <c>LmNHeads / LmNKvHeads</c> query heads.</summary>
    [Range(1, int.MaxValue)]
    public int LmNKvHeads { get; init; } = 5;

    /// <summary>Dropout in the language model, a probability.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double LmDropout { get; init; }

    /// <summary>Blocks of the language model.</summary>
    [Range(1, int.MaxValue)]
    public int LmNBlocks { get; init; } = 32;

    /// <summary>Factor on the rotary embedding's cosines and sines.</summary>
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public double LmAttnScaling { get; init; } = 1;

    /// <summary>Longest sequence in training, in tokens.</summary>
    [Range(1, int.MaxValue)]
    public int LmMaxLength { get; init; } = 4096;

    /// <summary>Whether the language model stands alone, from token ids to logits, instead of inside a VLM.</summary>
    public bool LmUseTokens { get; init; }

    /// <summary>Whether the head shares the token embedding's weight.</summary>
    public bool LmTieWeights { get; init; } = true;

    /// <summary>The Hugging Face name of the language model's origin.</summary>
    public string LmModelType { get; init; } = "HuggingFaceTB/SmolLM2-360M-Instruct";

    /// <summary>Where nanoVLM finds the tokenizer. NanoVlm prefers the one in the checkpoint's folder.</summary>
    public string LmTokenizer { get; init; } = "HuggingFaceTB/SmolLM2-360M-Instruct";

    /// <summary>The chat template, in Jinja.</summary>
    public string LmChatTemplate { get; init; } =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    /// <summary>Side of the square of patches that becomes one image token.</summary>
    [Range(1, int.MaxValue)]
    public int MpPixelShuffleFactor { get; init; } = 4;

    /// <summary>Image tokens for one tile.</summary>
    [Range(1, int.MaxValue)]
    public int MpImageTokenLength { get; init; } = 64;

    /// <summary>Longest side of an image in pixels, before it is split into tiles.</summary>
    [Range(1, int.MaxValue)]
    public int MaxImgSize { get; init; } = 2048;

    /// <summary>Whether smaller images are enlarged until their longest side is <see cref="MaxImgSize"/>.</summary>
    public bool ResizeToMaxSideLen { get; init; } = true;

    /// <summary>The extra tokens by their role: <c>image_token</c>, <c>global_image_token</c>, and <c>r1c1</c> ... for the tiles.</summary>
    public IReadOnlyDictionary<string, string> VlmExtraTokens { get; init; } = ExtraTokens.All;

    /// <summary>Whether nanoVLM loads both backbones from the Hub before it trains.</summary>
    public bool VlmLoadBackboneWeights { get; init; } = true;

    /// <summary>Where nanoVLM puts its checkpoints.</summary>
    public string VlmCheckpointPath { get; init; } = "checkpoints";

    /// <summary>The repository nanoVLM pushes to.</summary>
    public string HfRepoName { get; init; } = "nanoVLM";

    /// <summary>Reads a checkpoint's configuration. Absent keys have nanoVLM's defaults.</summary>
    /// <param name="path">The checkpoint's folder, or the file itself.</param>
    /// <exception cref="NanoVlmException">There is no such file.</exception>
    /// <exception cref="ConfigurationException">The file is not JSON, a key is unknown, or values are of the wrong type or impossible together.</exception>
    public static VlmConfig Load(string path)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        try
        {
            return Read(File.ReadAllBytes(file), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads a configuration from JSON text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What messages call it.</param>
    /// <exception cref="ConfigurationException">As <see cref="Load"/>.</exception>
    public static VlmConfig Parse(string json, string source = FileName) => Read(Encoding.UTF8.GetBytes(json), source);

    /// <summary>Checks a configuration made in code by the rules that hold for files.</summary>
    /// <returns>This configuration.</returns>
    /// <exception cref="ConfigurationException">Values are out of range or impossible together.</exception>
    public VlmConfig Validated()
    {
        Parse(ToJson());
        return this;
    }

    /// <summary>The text that nanoVLM itself would write.</summary>
    public string ToJson() => PythonJson.Write(this);

    void IChecked.Check(ConfigurationRules rules)
    {
        rules.Require(
            VitHiddenDim % VitNHeads == 0,
            "vit_hidden_dim", $"{VitHiddenDim} is not a multiple of vit_n_heads, {VitNHeads}", "vit_n_heads");
        rules.Require(
            VitImgSize % VitPatchSize == 0,
            "vit_img_size", $"{VitImgSize} is not a multiple of vit_patch_size, {VitPatchSize}", "vit_patch_size");
        rules.Require(
            LmHeadDim is null || LmHeadDim % 2 == 0,
            "lm_head_dim", $"a head of {LmHeadDim} values cannot be rotated in pairs; its size must be even");
        rules.Require(
            LmHeadDim is not null || LmHiddenDim % LmNHeads == 0,
            "lm_hidden_dim", $"{LmHiddenDim} is not a multiple of lm_n_heads, {LmNHeads}", "lm_n_heads");
        rules.Require(
            LmHeadDim is not null || LmHiddenDim % LmNHeads != 0 || LmHiddenDim / LmNHeads % 2 == 0,
            "lm_hidden_dim", $"a head of {LmHiddenDim} / {LmNHeads} values cannot be rotated in pairs; its size must be even", "lm_n_heads");
        rules.Require(
            LmNHeads % LmNKvHeads == 0,
            "lm_n_kv_heads", $"{LmNKvHeads} does not divide lm_n_heads, {LmNHeads}", "lm_n_heads");

        var grid = VitImgSize / VitPatchSize;
        rules.Require(
            grid % MpPixelShuffleFactor == 0,
            "mp_pixel_shuffle_factor", $"{MpPixelShuffleFactor} does not divide the grid of {grid} x {grid} patches", "vit_img_size", "vit_patch_size");
        var tokens = (long)(grid / MpPixelShuffleFactor) * (grid / MpPixelShuffleFactor);
        rules.Require(
            MpImageTokenLength == tokens,
            "mp_image_token_length",
            $"expected {tokens}, which {grid} x {grid} patches shuffled by {MpPixelShuffleFactor} give, found {MpImageTokenLength}",
            "vit_img_size", "vit_patch_size", "mp_pixel_shuffle_factor");
        rules.Require(
            MaxImgSize >= VitImgSize,
            "max_img_size", $"{MaxImgSize} is less than vit_img_size, {VitImgSize}: not one tile fits", "vit_img_size");

        rules.Require(
            VitPositionEmbedding != PositionEmbedding.Rope2d || VitHiddenDim / VitNHeads % 4 == 0,
            "vit_position_embedding", $"a head of {VitHiddenDim} / {VitNHeads} values cannot hold sines and cosines of rows and columns; its size must be a multiple of 4",
            "vit_hidden_dim", "vit_n_heads");
        rules.Require(
            LmLayerTypes.Count == 0 || LmLayerTypes.Count == LmNBlocks,
            "lm_layer_types", $"names {LmLayerTypes.Count} layers, lm_n_blocks is {LmNBlocks}", "lm_n_blocks");
        rules.Require(
            LmLayerTypes.All(type => type == LayerType.FullAttention) || LmSlidingWindow > 0,
            "lm_sliding_window", "sliding_attention layers need a window");

        if (LmUseTokens)
            return; // a language model alone has no use for the split of its vocabulary, nor for image tokens
        rules.Require(
            (long)LmBaseVocabSize + ExtraTokenAmount == LmVocabSize,
            "lm_vocab_size",
            $"expected {(long)LmBaseVocabSize + ExtraTokenAmount}, lm_base_vocab_size + extra_token_amount, found {LmVocabSize}",
            "lm_base_vocab_size", "extra_token_amount");
        rules.Require(
            ExtraTokenAmount == 0 || VlmExtraTokens.Count <= ExtraTokenAmount, // none: they are in the base vocabulary
            "extra_token_amount", $"{ExtraTokenAmount} is too few for the {VlmExtraTokens.Count} tokens of vlm_extra_tokens", "vlm_extra_tokens");
        rules.Require(
            VlmExtraTokens.ContainsKey(ExtraTokens.ImageRole),
            "vlm_extra_tokens", $"'{ExtraTokens.ImageRole}' is missing: the text of the token that stands for image features");
    }

    private static VlmConfig Read(ReadOnlySpan<byte> utf8, string source) =>
        ConfigurationReader.Read<VlmConfig>(ConfigurationNode.Parse(utf8, source), source);
}
