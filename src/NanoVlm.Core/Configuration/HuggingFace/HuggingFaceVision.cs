namespace NanoVlm.Configuration;

/// <summary>
/// Vision towers by their <c>model_type</c> in Hugging Face's <c>config.json</c>: each family is a preset of
/// <see cref="VisionConfig"/>. Defaults are those of transformers' configuration classes.
/// </summary>
internal static class HuggingFaceVision
{
    private static readonly Dictionary<string, Func<HuggingFaceConfig, VisionConfig>> Families = new()
    {
        ["siglip_vision_model"] = Siglip,
        ["idefics3_vision"] = Idefics3,
        ["smolvlm_vision"] = Idefics3,
        ["dinov3_vit"] = Dinov3,
        ["dinov2"] = config => Dinov2(config, registers: 0),
        ["dinov2_with_registers"] = config => Dinov2(config, config.Count("num_register_tokens", 4)) with { PositionAntialias = true },
        ["vit"] = Vit,
        ["deit"] = config => Vit(config) with { DistillationToken = true },
        ["clip_vision_model"] = Clip,
    };

    // What a section without a model_type of its own is.
    private static readonly Dictionary<string, string> Sections = new()
    {
        ["siglip"] = "siglip_vision_model",
        ["clip"] = "clip_vision_model",
        ["idefics3"] = "idefics3_vision",
        ["smolvlm"] = "smolvlm_vision",
        ["gemma3"] = "siglip_vision_model",
    };

    /// <summary>Whether a type of model is, or holds, a vision tower that is known here.</summary>
    /// <param name="modelType">The <c>model_type</c>.</param>
    public static bool Knows(string modelType) => Families.ContainsKey(modelType) || Sections.ContainsKey(modelType);

    /// <summary>Whether it is a vision tower and nothing else.</summary>
    /// <param name="modelType">The <c>model_type</c>.</param>
    public static bool IsTower(string modelType) => Families.ContainsKey(modelType);

    /// <summary>Every type of model that is known here.</summary>
    public static IEnumerable<string> Types => Families.Keys.Concat(Sections.Keys);

    /// <summary>Which family's names the tensors of a tower have: a key of the families' table.</summary>
    /// <param name="config">The whole file.</param>
    /// <exception cref="ConfigurationException">The type of model is not supported.</exception>
    public static string Family(HuggingFaceConfig config)
    {
        var section = SectionOf(config, out var type);
        if (!Families.ContainsKey(type)) section.Unsupported("a vision tower", Types);
        config.ThrowIfAny();
        return type;
    }

    /// <summary>The architecture of a file's vision tower.</summary>
    /// <param name="config">The whole file: of a tower, or of a model that holds one in its <c>vision_config</c>.</param>
    /// <exception cref="ConfigurationException">The type of model is not supported or values are impossible; all are listed.</exception>
    public static VisionConfig Read(HuggingFaceConfig config)
    {
        var vision = Collect(config);
        config.ThrowIfAny();
        return vision;
    }

    /// <summary>As <see cref="Read"/>, with wrong values left for the reader of the other parts to report with its own.</summary>
    internal static VisionConfig Collect(HuggingFaceConfig config)
    {
        var family = Families[Family(config)];
        var section = SectionOf(config, out _);
        var vision = family(section);
        section.Require(vision.HiddenSize % vision.NumAttentionHeads == 0, "hidden_size", $"{vision.HiddenSize} is not a multiple of num_attention_heads, {vision.NumAttentionHeads}");
        section.Require(
            vision.PositionEmbedding != PositionEmbedding.Rope2d || vision.HiddenSize / vision.NumAttentionHeads % 4 == 0,
            "hidden_size", $"a head of {vision.HiddenSize} / {vision.NumAttentionHeads} values cannot hold sines and cosines of rows and columns; its size must be a multiple of 4");
        section.Require(vision.ImageSize >= vision.PatchSize, "image_size", $"{vision.ImageSize} is less than patch_size, {vision.PatchSize}");
        section.Require(section.Size("num_channels", 3) == 3, "num_channels", "only 3, RGB, is supported");
        return vision;
    }

    private static HuggingFaceConfig SectionOf(HuggingFaceConfig config, out string type)
    {
        if (!Sections.TryGetValue(config.ModelType, out var otherwise))
        {
            type = config.ModelType;
            return config;
        }
        var section = config.Section("vision_config");
        type = section.ModelType == "" || section.ModelType == config.ModelType ? otherwise : section.ModelType; // older files repeat the whole's
        return section;
    }

    private static VisionConfig Siglip(HuggingFaceConfig config) => new()
    {
        HiddenSize = config.Size("hidden_size", 768),
        IntermediateSize = config.Size("intermediate_size", 3072),
        NumHiddenLayers = config.Size("num_hidden_layers", 12),
        NumAttentionHeads = config.Size("num_attention_heads", 12),
        PatchSize = config.Size("patch_size", 16),
        ImageSize = config.Size("image_size", 224),
        LayerNormEps = config.Number("layer_norm_eps", 1e-6),
        HiddenAct = config.Act("hidden_act", Activation.GeluTanh),
        Pooler = config.Flag("vision_use_head", true) ? Pooler.Attention : Pooler.None,
    };

    private static VisionConfig Idefics3(HuggingFaceConfig config) => Siglip(config) with
    {
        HiddenSize = config.Size("hidden_size", 1152),
        NumAttentionHeads = config.Size("num_attention_heads", 16),
        PatchSize = config.Size("patch_size", 32),
        FixedImageSize = true,
        Pooler = Pooler.None,
    };

    private static VisionConfig Dinov3(HuggingFaceConfig config)
    {
        var (query, key, value) = (config.Flag("query_bias", true), config.Flag("key_bias", false), config.Flag("value_bias", true));
        config.Require(query == value && (query || !key), "key_bias", "biases of queries and values but not keys, of all or of none are supported");
        return new()
        {
            HiddenSize = config.Size("hidden_size", 384),
            IntermediateSize = config.Size("intermediate_size", 1536),
            NumHiddenLayers = config.Size("num_hidden_layers", 12),
            NumAttentionHeads = config.Size("num_attention_heads", 6),
            PatchSize = config.Size("patch_size", 16),
            ImageSize = config.Size("image_size", 224),
            LayerNormEps = config.Number("layer_norm_eps", 1e-5),
            DropPath = config.Probability("drop_path_rate"),
            PositionEmbedding = PositionEmbedding.Rope2d,
            ClassToken = true,
            NumRegisterTokens = config.Count("num_register_tokens", 0),
            QkvBias = key ? ProjectionBias.All : query ? ProjectionBias.QueryValue : ProjectionBias.None,
            OutputBias = config.Flag("proj_bias", true),
            MlpBias = config.Flag("mlp_bias", true),
            LayerScale = true,
            HiddenAct = config.Act("hidden_act", Activation.Gelu),
            GatedMlp = config.Flag("use_gated_mlp", false),
            RopeTheta = config.Number("rope_theta", 100),
            RopeShift = config.OptionalNumber("pos_embed_shift"),
            RopeJitter = config.OptionalNumber("pos_embed_jitter"),
            RopeRescale = config.IsNull("pos_embed_rescale") ? null : config.Number("pos_embed_rescale", 2),
            Pooler = Pooler.Class,
        };
    }

    private static VisionConfig Dinov2(HuggingFaceConfig config, int registers)
    {
        var hidden = config.Size("hidden_size", 768);
        var gated = config.Flag("use_swiglu_ffn", false);
        var inside = hidden * config.Size("mlp_ratio", 4);
        return new()
        {
            HiddenSize = hidden,
            IntermediateSize = gated ? (inside * 2 / 3 + 7) / 8 * 8 : inside, // as gated, two thirds of the width in multiples of 8
            NumHiddenLayers = config.Size("num_hidden_layers", 12),
            NumAttentionHeads = config.Size("num_attention_heads", 12),
            PatchSize = config.Size("patch_size", registers > 0 ? 16 : 14),
            ImageSize = config.Size("image_size", 224),
            LayerNormEps = config.Number("layer_norm_eps", 1e-6),
            Dropout = config.Probability("hidden_dropout_prob"),
            DropPath = config.Probability("drop_path_rate"),
            ClassToken = true,
            NumRegisterTokens = registers,
            QkvBias = config.Flag("qkv_bias", true) ? ProjectionBias.All : ProjectionBias.None,
            LayerScale = true,
            HiddenAct = gated ? Activation.Silu : config.Act("hidden_act", Activation.Gelu),
            GatedMlp = gated,
            Pooler = Pooler.Class,
        };
    }

    private static VisionConfig Vit(HuggingFaceConfig config) => new()
    {
        HiddenSize = config.Size("hidden_size", 768),
        IntermediateSize = config.Size("intermediate_size", 3072),
        NumHiddenLayers = config.Size("num_hidden_layers", 12),
        NumAttentionHeads = config.Size("num_attention_heads", 12),
        PatchSize = config.Size("patch_size", 16),
        ImageSize = config.Size("image_size", 224),
        LayerNormEps = config.Number("layer_norm_eps", 1e-12),
        Dropout = config.Probability("hidden_dropout_prob"),
        ClassToken = true,
        QkvBias = config.Flag("qkv_bias", true) ? ProjectionBias.All : ProjectionBias.None,
        HiddenAct = config.Act("hidden_act", Activation.Gelu),
        Pooler = Pooler.Tanh,
    };

    private static VisionConfig Clip(HuggingFaceConfig config) => new()
    {
        HiddenSize = config.Size("hidden_size", 768),
        IntermediateSize = config.Size("intermediate_size", 3072),
        NumHiddenLayers = config.Size("num_hidden_layers", 12),
        NumAttentionHeads = config.Size("num_attention_heads", 12),
        PatchSize = config.Size("patch_size", 32),
        ImageSize = config.Size("image_size", 224),
        LayerNormEps = config.Number("layer_norm_eps", 1e-5),
        ClassToken = true,
        PatchBias = false,
        PreNorm = true,
        PostNorm = false,
        HiddenAct = config.Act("hidden_act", Activation.QuickGelu),
        Pooler = Pooler.NormedClass,
    };
}
