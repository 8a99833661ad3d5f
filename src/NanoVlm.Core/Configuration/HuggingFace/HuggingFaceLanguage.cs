namespace NanoVlm.Configuration;

/// <summary>
/// Decoders by their <c>model_type</c> in Hugging Face's <c>config.json</c>: each family is a preset of
/// <see cref="LanguageConfig"/>. Defaults are those of transformers' configuration classes; both the older spelling
/// (<c>rope_theta</c>, <c>rope_scaling</c>, <c>sliding_window_pattern</c>) and the newer (<c>rope_parameters</c>, <c>layer_types</c>) are read.
/// </summary>
internal static class HuggingFaceLanguage
{
    private static readonly Dictionary<string, Func<HuggingFaceConfig, LanguageConfig>> Families = new()
    {
        ["llama"] = Llama,
        ["gemma3_text"] = Gemma3,
    };

    private static readonly Dictionary<string, string> Sections = new()
    {
        ["idefics3"] = "llama",
        ["smolvlm"] = "llama",
        ["gemma3"] = "gemma3_text",
    };

    /// <summary>Whether a type of model is, or holds, a decoder that is known here.</summary>
    /// <param name="modelType">The <c>model_type</c>.</param>
    public static bool Knows(string modelType) => Families.ContainsKey(modelType) || Sections.ContainsKey(modelType);

    /// <summary>Whether it is a decoder and nothing else.</summary>
    /// <param name="modelType">The <c>model_type</c>.</param>
    public static bool IsDecoder(string modelType) => Families.ContainsKey(modelType);

    /// <summary>Every type of model that is known here.</summary>
    public static IEnumerable<string> Types => Families.Keys.Concat(Sections.Keys);

    /// <summary>The architecture of a file's decoder.</summary>
    /// <param name="config">The whole file: of a decoder, or of a model that holds one in its <c>text_config</c>.</param>
    /// <exception cref="ConfigurationException">The type of model is not supported or values are impossible; all are listed.</exception>
    public static LanguageConfig Read(HuggingFaceConfig config)
    {
        var (section, type) = (config, config.ModelType);
        if (Sections.TryGetValue(type, out var otherwise))
        {
            section = config.Section("text_config");
            type = section.ModelType is "" ? otherwise : section.ModelType;
        }
        if (!Families.TryGetValue(type, out var family))
        {
            section.Unsupported("a language model", Types);
            config.ThrowIfAny();
        }
        var language = family!(section) with { PaddingSeesAll = true };
        // Of a model of several parts it is the whole that says whether its head is tied.
        if (section != config && config.Has("tie_word_embeddings")) language = language with { TieWordEmbeddings = config.Flag("tie_word_embeddings", true) };
        section.Require(
            type != "llama" || section.Has("head_dim") || language.HiddenSize % language.NumAttentionHeads == 0,
            "hidden_size", $"{language.HiddenSize} is not a multiple of num_attention_heads, {language.NumAttentionHeads}");
        section.Require(language.HeadDim % 2 == 0, "head_dim", $"a head of {language.HeadDim} values cannot be rotated in pairs; its size must be even");
        section.Require(
            language.NumAttentionHeads % language.NumKeyValueHeads == 0,
            "num_key_value_heads", $"{language.NumKeyValueHeads} does not divide num_attention_heads, {language.NumAttentionHeads}");
        section.Require(
            language.LayerTypes.Count == 0 || language.LayerTypes.Count == language.NumHiddenLayers,
            "layer_types", $"names {language.LayerTypes.Count} layers, num_hidden_layers is {language.NumHiddenLayers}");
        config.ThrowIfAny();
        return language;
    }

    private static LanguageConfig Llama(HuggingFaceConfig config)
    {
        var (hidden, heads) = (config.Size("hidden_size", 4096), config.Size("num_attention_heads", 32));
        // Where both spellings are there, transformers takes the older.
        var (theta, scaling) = Rope(config.Section(config.Has("rope_scaling") ? "rope_scaling" : "rope_parameters"), config.Number("rope_theta", 10_000));
        return new()
        {
            PadTokenId = Pad(config, 32_000),
            VocabSize = config.Size("vocab_size", 32_000),
            HiddenSize = hidden,
            IntermediateSize = config.Size("intermediate_size", 11_008),
            NumHiddenLayers = config.Size("num_hidden_layers", 32),
            NumAttentionHeads = heads,
            NumKeyValueHeads = config.Size("num_key_value_heads", heads),
            HeadDim = config.Size("head_dim", Math.Max(1, hidden / heads)),
            MaxPositionEmbeddings = config.Size("max_position_embeddings", 2048),
            RopeTheta = theta,
            RopeScaling = scaling,
            RmsNormEps = config.Number("rms_norm_eps", 1e-6),
            HiddenAct = config.Act("hidden_act", Activation.Silu),
            AttentionBias = config.Flag("attention_bias", false),
            MlpBias = config.Flag("mlp_bias", false),
            TieWordEmbeddings = config.Flag("tie_word_embeddings", false),
        };
    }

    private static LanguageConfig Gemma3(HuggingFaceConfig config)
    {
        config.Require(!config.Has("attn_logit_softcapping"), "attn_logit_softcapping", "capped attention scores (Gemma-2's) are not supported");
        config.Require(!config.Flag("use_bidirectional_attention", false), "use_bidirectional_attention", "an encoder (EmbeddingGemma's) is not supported");
        var layers = config.Size("num_hidden_layers", 26);
        var rope = config.Section(config.Has("rope_scaling") ? "rope_scaling" : "rope_parameters");
        var byLayer = rope.Has("full_attention") || rope.Has("sliding_attention"); // else of the layers that see everything
        var (theta, scaling) = Rope(byLayer ? rope.Section("full_attention") : rope, config.Number("rope_theta", 1_000_000));
        var local = config.Number("rope_local_base_freq", 10_000);
        if (byLayer)
        {
            (local, var localScaling) = Rope(rope.Section("sliding_attention"), local);
            rope.Require(localScaling.Type == RopeType.Default, "sliding_attention.rope_type", "only 'default' is supported in sliding-window layers");
        }
        return new()
        {
            PadTokenId = Pad(config, 262_208) ?? 0,
            VocabSize = config.Size("vocab_size", 262_208),
            HiddenSize = config.Size("hidden_size", 2304),
            IntermediateSize = config.Size("intermediate_size", 9216),
            NumHiddenLayers = layers,
            NumAttentionHeads = config.Size("num_attention_heads", 8),
            NumKeyValueHeads = config.Size("num_key_value_heads", 4),
            HeadDim = config.Size("head_dim", 256),
            MaxPositionEmbeddings = config.Size("max_position_embeddings", 131_072),
            RopeTheta = theta,
            RopeScaling = scaling,
            RopeLocalTheta = local,
            RmsNormEps = config.Number("rms_norm_eps", 1e-6),
            NormUnitOffset = true,
            SandwichNorm = true,
            QkNorm = true,
            EmbeddingScale = true,
            QueryPreAttnScalar = config.Number("query_pre_attn_scalar", 256),
            SlidingWindow = config.Size("sliding_window", 4096),
            LayerTypes = LayerTypes(config, layers),
            HiddenAct = config.Act("hidden_activation", config.Act("hidden_act", Activation.GeluTanh)),
            AttentionBias = config.Flag("attention_bias", false),
            TieWordEmbeddings = config.Flag("tie_word_embeddings", true),
            FinalLogitSoftcapping = config.OptionalNumber("final_logit_softcapping"),
        };
    }

    // Torch counts a negative one from the end.
    private static int? Pad(HuggingFaceConfig config, int vocabulary) =>
        config.OptionalInteger("pad_token_id") is { } pad ? pad < 0 ? config.Size("vocab_size", vocabulary) + pad : pad : null;

    // By name, or every so many-th layer sees everything.
    private static LayerType[] LayerTypes(HuggingFaceConfig config, int layers)
    {
        if (config.Texts("layer_types") is not { } names)
        {
            var pattern = config.Size("sliding_window_pattern", config.Size("_sliding_window_pattern", 6));
            return [.. Enumerable.Range(1, layers).Select(layer => layer % pattern == 0 ? LayerType.FullAttention : LayerType.SlidingAttention)];
        }
        config.Require(
            names.All(name => name is "full_attention" or "sliding_attention"),
            "layer_types", $"'{names.FirstOrDefault(name => name is not ("full_attention" or "sliding_attention"))}' is not supported; supported are full_attention, sliding_attention");
        return [.. names.Select(name => name == "sliding_attention" ? LayerType.SlidingAttention : LayerType.FullAttention)];
    }

    // `rope_parameters` of one kind of layer, or `rope_scaling`, which lacks the base.
    private static (double Theta, RopeScaling Scaling) Rope(HuggingFaceConfig rope, double otherwise)
    {
        var name = rope.Text("rope_type") ?? rope.Text("type") ?? "default";
        RopeType? type = name switch
        {
            "default" => RopeType.Default,
            "linear" => RopeType.Linear,
            "dynamic" => RopeType.Dynamic,
            "llama3" => RopeType.Llama3,
            _ => null,
        };
        rope.Require(type is not null, "rope_type", $"'{name}' is not supported; supported are default, linear, dynamic, llama3");
        rope.Require(type is null or RopeType.Default || rope.Has("factor"), "factor", $"missing: rope type '{name}' needs a factor");
        rope.Require(type is not RopeType.Llama3 || rope.Has("original_max_position_embeddings"), "original_max_position_embeddings", "missing: rope type 'llama3' needs it");
        return (rope.Number("rope_theta", otherwise), type is null or RopeType.Default
            ? new RopeScaling(RopeType.Default)
            : new RopeScaling(type.Value, rope.Number("factor", 1), rope.Number("low_freq_factor", 1), rope.Number("high_freq_factor", 4), rope.OptionalSize("original_max_position_embeddings")));
    }
}
