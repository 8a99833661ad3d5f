namespace NanoVlm.Configuration;

/// <summary>
/// Vision-language models by their <c>model_type</c> in Hugging Face's <c>config.json</c>: SmolVLM and Idefics3 are nanoVLM's parts under
/// other names; Gemma-3 has its own projector and lets image tokens see each other in both directions.
/// </summary>
internal static class HuggingFaceVlm
{
    /// <summary>Every type of model that is known here.</summary>
    public static readonly IReadOnlyList<string> Types = ["smolvlm", "idefics3", "gemma3"];

    /// <summary>Whether a type of model is known here.</summary>
    /// <param name="modelType">The <c>model_type</c>.</param>
    public static bool Knows(string modelType) => Types.Contains(modelType);

    /// <summary>The architecture of a file, and the id of its image token.</summary>
    /// <param name="config">The whole file.</param>
    /// <exception cref="ConfigurationException">The type of model is not supported or values are impossible; all are listed.</exception>
    public static (VlmConfig Config, long ImageTokenId) Read(HuggingFaceConfig config)
    {
        if (!Knows(config.ModelType)) config.Unsupported("a vision-language model", Types);
        config.ThrowIfAny();
        var (vision, language) = (HuggingFaceVision.Collect(config), HuggingFaceLanguage.Read(config));
        var gemma = config.ModelType == "gemma3";
        var grid = vision.ImageSize / vision.PatchSize;
        var tokens = config.Size("mm_tokens_per_image", 256);
        var side = (int)Math.Sqrt(tokens);
        if (gemma)
            config.Require(side * side == tokens && grid % side == 0, "mm_tokens_per_image", $"{tokens} is not a square grid that divides {grid} x {grid} patches");
        var factor = gemma ? grid / Math.Max(1, side) : config.Size("scale_factor", 2);
        if (!gemma)
            config.Require(grid % factor == 0, "scale_factor", $"{factor} does not divide the grid of {grid} x {grid} patches");
        var image = gemma ? config.Size("image_token_index", config.Size("image_token_id", 262_144)) : config.Size("image_token_id", 128_257);
        config.ThrowIfAny();
        return (new VlmConfig
        {
            VitModelType = config.ModelType,
            LmModelType = config.ModelType,
            LmTokenizer = ".",
            LmMaxLength = language.MaxPositionEmbeddings,
            MpKind = gemma ? ProjectorKind.AveragePool : ProjectorKind.Linear,
            MpPixelShuffleFactor = factor,
            MpImageTokenLength = grid / factor * (grid / factor),
            LmBidirectionalImages = gemma,
            MaxImgSize = vision.ImageSize,
            VlmLoadBackboneWeights = false,
        }.With(vision).With(language), image);
    }
}
