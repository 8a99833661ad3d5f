using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Configuration;

namespace NanoVlm.Tests.Configuration;

/// <summary>Hugging Face's <c>config.json</c>: what is absent is transformers' default, what is wrong is listed.</summary>
public sealed class HuggingFaceConfigTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_published_SigLIP_leaves_everything_out()
    {
        var (vision, text) = HuggingFaceSiglip.Read(Config(
            """{"model_type":"siglip","text_config":{"model_type":"siglip_text_model"},"vision_config":{"model_type":"siglip_vision_model"}}"""));
        var base224 = new VisionConfig
        {
            HiddenSize = 768,
            IntermediateSize = 3072,
            NumHiddenLayers = 12,
            NumAttentionHeads = 12,
            PatchSize = 16,
            ImageSize = 224,
            LayerNormEps = 1e-6,
            HiddenAct = Activation.GeluTanh,
            Pooler = Pooler.Attention,
        };
        Assert.Equal(base224, vision);
        Assert.Equal((32_000, 64, 768), (text.VocabSize, text.MaxPositionEmbeddings, text.ProjectionSize));
        Assert.Equal(base224 with { PatchSize = 1, ImageSize = 1, Pooler = Pooler.None }, text.Encoder);
        Assert.Equal(base224, HuggingFaceVision.Read(Config("""{"model_type":"siglip"}""")));
    }

    [Fact]
    public void A_published_SigLIP_so400m_gives_what_differs()
    {
        var vision = HuggingFaceVision.Read(Config(
            """{"model_type":"siglip","vision_config":{"hidden_size":1152,"image_size":384,"intermediate_size":4304,"model_type":"siglip_vision_model","num_attention_heads":16,"num_hidden_layers":27,"patch_size":14}}"""));
        Assert.Equal((1152, 384, 4304, 16, 27, 14), (vision.HiddenSize, vision.ImageSize, vision.IntermediateSize, vision.NumAttentionHeads, vision.NumHiddenLayers, vision.PatchSize));
    }

    [Theory]
    [InlineData("dinov3_vit", 384, 1536, 12, 6, 16, 1e-5)]
    [InlineData("dinov2", 768, 3072, 12, 12, 14, 1e-6)]
    [InlineData("dinov2_with_registers", 768, 3072, 12, 12, 16, 1e-6)]
    [InlineData("vit", 768, 3072, 12, 12, 16, 1e-12)]
    [InlineData("deit", 768, 3072, 12, 12, 16, 1e-12)]
    [InlineData("clip_vision_model", 768, 3072, 12, 12, 32, 1e-5)]
    [InlineData("siglip_vision_model", 768, 3072, 12, 12, 16, 1e-6)]
    [InlineData("smolvlm_vision", 1152, 3072, 12, 16, 32, 1e-6)]
    [InlineData("idefics3_vision", 1152, 3072, 12, 16, 32, 1e-6)]
    public void A_tower_of_nothing_but_its_type_has_transformers_defaults(string type, int hidden, int inside, int layers, int heads, int patch, double eps)
    {
        var vision = HuggingFaceVision.Read(Config($$"""{"model_type":"{{type}}"}"""));
        Assert.Equal((hidden, inside, layers, heads, patch, 224, eps),
            (vision.HiddenSize, vision.IntermediateSize, vision.NumHiddenLayers, vision.NumAttentionHeads, vision.PatchSize, vision.ImageSize, vision.LayerNormEps));
    }

    [Fact]
    public void Each_family_of_towers_has_its_own_parts()
    {
        var dinov3 = Vision("""{"model_type":"dinov3_vit","num_register_tokens":4}""");
        Assert.Equal((PositionEmbedding.Rope2d, 5, 1, 2.0, ProjectionBias.QueryValue, true, Activation.Gelu, Pooler.Class),
            (dinov3.PositionEmbedding, dinov3.PrefixTokens, dinov3.PrefixPositions, dinov3.RopeRescale, dinov3.QkvBias, dinov3.LayerScale, dinov3.HiddenAct, dinov3.Pooler));
        Assert.Null(Vision("""{"model_type":"dinov3_vit","pos_embed_rescale":null}""").RopeRescale);
        Assert.Equal((0.5, 1.2), (Vision("""{"model_type":"dinov3_vit","pos_embed_shift":0.5}""").RopeShift, Vision("""{"model_type":"dinov3_vit","pos_embed_jitter":1.2}""").RopeJitter));
        Assert.Equal(ProjectionBias.All, Vision("""{"model_type":"dinov3_vit","key_bias":true}""").QkvBias);
        Assert.Equal(ProjectionBias.None, Vision("""{"model_type":"dinov3_vit","query_bias":false,"value_bias":false}""").QkvBias);
        var registers = Vision("""{"model_type":"dinov2_with_registers"}""");
        Assert.Equal((5, true, false), (registers.PrefixTokens, registers.PositionAntialias, Vision("""{"model_type":"dinov2"}""").PositionAntialias));
        Assert.Equal((2, 2), (Vision("""{"model_type":"deit"}""").PrefixTokens, Vision("""{"model_type":"deit"}""").PrefixPositions));
        // Dinov2-giant: two thirds of 6144, in multiples of 8.
        var giant = Vision("""{"model_type":"dinov2","hidden_size":1536,"num_attention_heads":24,"use_swiglu_ffn":true}""");
        Assert.Equal((4096, true, Activation.Silu), (giant.IntermediateSize, giant.GatedMlp, giant.HiddenAct));
        var clip = Vision("""{"model_type":"clip","vision_config":{"hidden_size":1024,"num_attention_heads":16,"patch_size":14}}""");
        Assert.Equal((true, false, false, Activation.QuickGelu, Pooler.NormedClass, 1024), (clip.PreNorm, clip.PostNorm, clip.PatchBias, clip.HiddenAct, clip.Pooler, clip.HiddenSize));

        VisionConfig Vision(string json) => HuggingFaceVision.Read(Config(json));
    }

    [Fact]
    public void Decoders_of_nothing_but_their_type_have_transformers_defaults()
    {
        var llama = HuggingFaceLanguage.Read(Config("""{"model_type":"llama"}"""));
        Assert.Equal((32_000, 4096, 11_008, 32, 32, 32, 128, 2048, 10_000.0, 1e-6, false),
            (llama.VocabSize, llama.HiddenSize, llama.IntermediateSize, llama.NumHiddenLayers, llama.NumAttentionHeads, llama.NumKeyValueHeads, llama.HeadDim, llama.MaxPositionEmbeddings, llama.RopeTheta, llama.RmsNormEps, llama.TieWordEmbeddings));
        Assert.Equal((Activation.Silu, false, false, null), (llama.HiddenAct, llama.AttentionBias, llama.MlpBias, llama.PadTokenId));
        var gemma = HuggingFaceLanguage.Read(Config("""{"model_type":"gemma3_text"}"""));
        Assert.Equal((262_208, 2304, 9216, 26, 8, 4, 256, 131_072, 1e6, 1e-6, true),
            (gemma.VocabSize, gemma.HiddenSize, gemma.IntermediateSize, gemma.NumHiddenLayers, gemma.NumAttentionHeads, gemma.NumKeyValueHeads, gemma.HeadDim, gemma.MaxPositionEmbeddings, gemma.RopeTheta, gemma.RmsNormEps, gemma.TieWordEmbeddings));
        Assert.Equal((10_000.0, 256.0, 4096, Activation.GeluTanh, 0), (gemma.RopeLocalTheta, gemma.QueryPreAttnScalar, gemma.SlidingWindow, gemma.HiddenAct, gemma.PadTokenId));
        Assert.Equal([5, 11, 17, 23], Enumerable.Range(0, 26).Where(layer => gemma.LayerTypes[layer] == LayerType.FullAttention));
        Assert.Equal((4096, 0), (gemma.Window(0), gemma.Window(5)));
    }

    [Fact]
    public void A_published_Gemma3_of_4B_leaves_out_its_vocabulary_and_heads()
    {
        var (config, image) = HuggingFaceVlm.Read(Config(
            """
            {"architectures":["Gemma3ForConditionalGeneration"],"boi_token_index":255999,"eoi_token_index":256000,"image_token_index":262144,"mm_tokens_per_image":256,"model_type":"gemma3",
             "text_config":{"hidden_size":2560,"intermediate_size":10240,"model_type":"gemma3_text","num_hidden_layers":34,"rope_scaling":{"factor":8.0,"rope_type":"linear"},"sliding_window":1024},
             "vision_config":{"hidden_size":1152,"image_size":896,"intermediate_size":4304,"model_type":"siglip_vision_model","num_attention_heads":16,"num_hidden_layers":27,"patch_size":14,"vision_use_head":false}}
            """));
        Assert.Equal((262_144, 262_208, 8, 4, 256, 1024), (image, config.LmVocabSize, config.LmNHeads, config.LmNKvHeads, config.LmHeadDim, config.LmSlidingWindow));
        Assert.Equal((ProjectorKind.AveragePool, 4, 256, true), (config.MpKind, config.MpPixelShuffleFactor, config.MpImageTokenLength, config.LmBidirectionalImages));
        Assert.Equal((RopeType.Linear, 8.0, 10_000.0, true), (config.LmRopeType, config.LmRopeFactor, config.LmRopeLocalBase, config.LmTieWeights));
    }

    [Theory]
    [InlineData("llama-smollm2-like"), InlineData("llama3-like"), InlineData("gemma3-text"), InlineData("smolvlm-like"), InlineData("gemma3-mm")]
    public void Older_and_newer_spelling_mean_the_same(string golden)
    {
        var old = HuggingFaceConfig.Load(RepositoryFiles.Golden(golden));
        var renewed = Config(File.ReadAllText(RepositoryFiles.Golden($"{golden}/config.v5.json")));
        var (first, second) = (HuggingFaceLanguage.Read(old), HuggingFaceLanguage.Read(renewed));
        Assert.Equal(first.LayerTypes, second.LayerTypes);
        Assert.Equal(first with { LayerTypes = [] }, second with { LayerTypes = [] });
        if (!HuggingFaceVlm.Knows(old.ModelType)) return;
        Assert.Equal(HuggingFaceVision.Read(old), HuggingFaceVision.Read(renewed));
        Assert.Equal(HuggingFaceVlm.Read(old).Config.ToJson(), HuggingFaceVlm.Read(renewed).Config.ToJson());
        Assert.Equal(HuggingFaceVlm.Read(old).ImageTokenId, HuggingFaceVlm.Read(renewed).ImageTokenId);
    }

    [Theory]
    [InlineData("""{"rope_type":"linear","factor":4}"""), InlineData("""{"type":"linear","factor":4.0}""")]
    public void A_rope_type_is_read_under_both_its_keys(string scaling)
    {
        var llama = HuggingFaceLanguage.Read(Config($$"""{"model_type":"llama","rope_scaling":{{scaling}}}"""));
        Assert.Equal(new RopeScaling(RopeType.Linear, 4), llama.RopeScaling);
        Assert.Equal(10_000, llama.RopeTheta);
    }

    [Fact]
    public void A_theta_at_the_top_level_counts_where_the_rope_names_none()
    {
        var llama = Language("""{"model_type":"llama","rope_theta":5e5,"rope_parameters":{"rope_type":"linear","factor":2}}""");
        Assert.Equal((5e5, new RopeScaling(RopeType.Linear, 2)), (llama.RopeTheta, llama.RopeScaling));
        var gemma = Language("""{"model_type":"gemma3_text","rope_theta":2e6,"rope_local_base_freq":2e4,"rope_parameters":{"full_attention":{"rope_type":"default"}}}""");
        Assert.Equal((2e6, 2e4), (gemma.RopeTheta, gemma.RopeLocalTheta));
        var flat = Language("""{"model_type":"gemma3_text","rope_parameters":{"rope_type":"linear","factor":8,"rope_theta":3e6}}"""); // of full attention
        Assert.Equal((3e6, 1e4, new RopeScaling(RopeType.Linear, 8)), (flat.RopeTheta, flat.RopeLocalTheta, flat.RopeScaling));
    }

    [Fact]
    public void Where_both_spellings_of_a_rope_are_there_the_older_counts() =>
        Assert.Equal(
            new RopeScaling(RopeType.Linear, 4),
            Language("""{"model_type":"llama","rope_scaling":{"rope_type":"linear","factor":4},"rope_parameters":{"rope_type":"linear","factor":2,"rope_theta":1e4}}""").RopeScaling);

    [Fact]
    public void A_negative_padding_token_counts_from_the_end()
    {
        Assert.Equal(99, Language("""{"model_type":"llama","vocab_size":100,"pad_token_id":-1}""").PadTokenId);
        Assert.Equal(98, Language("""{"model_type":"gemma3_text","vocab_size":100,"pad_token_id":-2}""").PadTokenId);
    }

    [Theory, InlineData("idefics3"), InlineData("smolvlm")]
    public void An_older_tower_that_repeats_the_type_of_the_whole_is_that_types_own(string type)
    {
        var vision = HuggingFaceVision.Read(Config("""{"model_type":"TYPE","vision_config":{"model_type":"TYPE","hidden_size":64}}""".Replace("TYPE", type)));
        Assert.Equal((64, 16, true), (vision.HiddenSize, vision.NumAttentionHeads, vision.FixedImageSize));
    }

    [Fact]
    public void A_SigLIP_whose_images_have_no_vector_is_refused() =>
        Refused(() => HuggingFaceSiglip.Read(Config("""{"model_type":"siglip","vision_config":{"vision_use_head":false}}""")), ("vision_config.vision_use_head", "must be true"));

    [Theory]
    [InlineData("yarn"), InlineData("longrope"), InlineData("LINEAR")]
    public void An_unknown_rope_type_is_refused_by_its_name_with_those_there_are(string type)
    {
        foreach (var (json, path) in new[]
        {
            ("""{"model_type":"llama","rope_scaling":{"rope_type":"TYPE","factor":2}}""", "rope_scaling.rope_type"),
            ("""{"model_type":"llama","rope_parameters":{"rope_type":"TYPE","factor":2,"rope_theta":1e4}}""", "rope_parameters.rope_type"),
            ("""{"model_type":"gemma3_text","rope_parameters":{"full_attention":{"rope_type":"TYPE","factor":2}}}""", "rope_parameters.full_attention.rope_type"),
        })
            Refused(() => HuggingFaceLanguage.Read(Config(json.Replace("TYPE", type))), (path, $"'{type}' is not supported; supported are default, linear, dynamic, llama3"));
    }

    [Theory]
    [InlineData("""{"rope_type":"linear"}""", "rope_scaling.factor", "rope type 'linear' needs a factor")]
    [InlineData("""{"rope_type":"llama3","factor":8}""", "rope_scaling.original_max_position_embeddings", "rope type 'llama3' needs it")]
    [InlineData("""{"rope_type":"linear","factor":-1}""", "rope_scaling.factor", "expected a number above 0, found -1")]
    [InlineData("\"linear\"", "rope_scaling", "expected an object, found \"linear\"")]
    public void A_rope_scaling_that_lacks_something_says_what(string scaling, string path, string message) =>
        Refused(() => HuggingFaceLanguage.Read(Config($$"""{"model_type":"llama","rope_scaling":{{scaling}}}""")), (path, message));

    [Theory]
    [InlineData("qwen3", "a language model", "llama, gemma3_text")]
    [InlineData("swin", "a vision tower", "siglip_vision_model, idefics3_vision, smolvlm_vision, dinov3_vit, dinov2, dinov2_with_registers, vit, deit, clip_vision_model")]
    [InlineData("llava", "a vision-language model", "smolvlm, idefics3, gemma3")]
    public void A_type_that_is_not_supported_is_told_those_that_are(string type, string what, string supported)
    {
        var config = Config($$"""{"model_type":"{{type}}"}""");
        Refused(
            what switch
            {
                "a language model" => () => HuggingFaceLanguage.Read(config),
                "a vision tower" => () => HuggingFaceVision.Read(config),
                _ => () => HuggingFaceVlm.Read(config),
            },
            ("model_type", $"'{type}' is not supported as {what}; supported are {supported}"));
    }

    [Fact]
    public void A_part_that_is_not_supported_is_named_where_it_stands()
    {
        Refused(() => HuggingFaceVlm.Read(Config("""{"model_type":"idefics3","text_config":{"model_type":"mistral"}}""")), ("text_config.model_type", "'mistral' is not supported as a language model"));
        Refused(() => HuggingFaceVlm.Read(Config("""{"model_type":"gemma3","vision_config":{"model_type":"pixtral"}}""")), ("vision_config.model_type", "'pixtral' is not supported as a vision tower"));
    }

    [Fact]
    public void All_mistakes_of_a_tower_are_listed_at_once_and_each_once()
    {
        Refused(
            () => HuggingFaceVision.Read(Config("""{"model_type":"smolvlm","vision_config":{"hidden_size":"48","num_attention_heads":0,"patch_size":2.5,"layer_norm_eps":-1,"hidden_act":"relu","image_size":true,"num_channels":1}}""")),
            ("vision_config.hidden_size", "expected an integer of at least 1, found \"48\""),
            ("vision_config.num_attention_heads", "expected an integer of at least 1, found 0"),
            ("vision_config.patch_size", "expected an integer of at least 1, found 2.5"),
            ("vision_config.layer_norm_eps", "expected a number above 0, found -1"),
            ("vision_config.hidden_act", "expected one of 'gelu_pytorch_tanh', 'gelu', 'quick_gelu', 'silu', found \"relu\""),
            ("vision_config.image_size", "expected an integer of at least 1, found true"),
            ("vision_config.num_channels", "only 3, RGB, is supported"));
    }

    [Fact]
    public void All_mistakes_of_a_decoder_are_listed_at_once()
    {
        Refused(
            () => HuggingFaceLanguage.Read(Config(
                """{"model_type":"gemma3_text","num_hidden_layers":3,"layer_types":["full_attention","chunked_attention"],"num_attention_heads":5,"num_key_value_heads":2,"head_dim":7,"attn_logit_softcapping":50.0,"tie_word_embeddings":"yes","rms_norm_eps":1e999}""")),
            ("attn_logit_softcapping", "capped attention scores (Gemma-2's) are not supported"),
            ("layer_types", "'chunked_attention' is not supported; supported are full_attention, sliding_attention"),
            ("num_key_value_heads", "2 does not divide num_attention_heads, 5"),
            ("head_dim", "its size must be even"),
            ("tie_word_embeddings", "expected true or false, found \"yes\""),
            ("rms_norm_eps", "expected a number above 0"));
        Refused(() => HuggingFaceLanguage.Read(Config("""{"model_type":"gemma3_text","num_hidden_layers":3,"layer_types":["full_attention"]}""")), ("layer_types", "names 1 layers, num_hidden_layers is 3"));
    }

    [Fact]
    public void Mistakes_of_both_parts_of_a_model_are_listed_at_once()
    {
        Refused(
            () => HuggingFaceVlm.Read(Config("""{"model_type":"smolvlm","vision_config":{"hidden_size":50,"num_attention_heads":4},"text_config":{"hidden_size":50,"num_attention_heads":4}}""")),
            ("vision_config.hidden_size", "50 is not a multiple of num_attention_heads, 4"),
            ("text_config.hidden_size", "50 is not a multiple of num_attention_heads, 4"));
        Refused(
            () => HuggingFaceSiglip.Read(Config("""{"model_type":"siglip","vision_config":{"hidden_size":50,"num_attention_heads":4},"text_config":{"vocab_size":-3}}""")),
            ("vision_config.hidden_size", "50 is not a multiple of num_attention_heads, 4"),
            ("text_config.projection_size", "768 is not the vision tower's hidden_size, 50"),
            ("text_config.vocab_size", "expected an integer of at least 1, found -3"));
    }

    [Fact]
    public void Head_counts_that_do_not_divide_are_refused()
    {
        Refused(() => HuggingFaceVision.Read(Config("""{"model_type":"vit","hidden_size":50,"num_attention_heads":4}""")), ("hidden_size", "50 is not a multiple of num_attention_heads, 4"));
        Refused(() => HuggingFaceVision.Read(Config("""{"model_type":"dinov3_vit","hidden_size":60,"num_attention_heads":10}""")), ("hidden_size", "its size must be a multiple of 4"));
        Refused(() => HuggingFaceLanguage.Read(Config("""{"model_type":"llama","hidden_size":50,"num_attention_heads":4,"num_key_value_heads":4}""")), ("hidden_size", "50 is not a multiple of num_attention_heads, 4"));
        Refused(() => HuggingFaceVlm.Read(Config("""{"model_type":"smolvlm","scale_factor":5}""")), ("scale_factor", "5 does not divide the grid of 7 x 7 patches"));
        Refused(() => HuggingFaceVlm.Read(Config("""{"model_type":"gemma3","mm_tokens_per_image":10}""")), ("mm_tokens_per_image", "10 is not a square grid that divides 14 x 14 patches"));
    }

    [Fact]
    public void A_wrong_image_token_or_vocabulary_is_refused_too()
    {
        Refused(() => HuggingFaceVlm.Read(Config("""{"model_type":"gemma3","vision_config":{"image_size":896,"patch_size":14},"image_token_index":"262144"}""")), ("image_token_index", "expected an integer of at least 1, found \"262144\""));
        Refused(() => HuggingFaceVlm.Read(Config("""{"model_type":"smolvlm","scale_factor":1,"image_token_id":-1}""")), ("image_token_id", "expected an integer of at least 1, found -1"));
        Refused(() => HuggingFaceSiglip.Read(Config("""{"model_type":"siglip","text_config":{"vocab_size":0,"max_position_embeddings":"64"}}""")),
            ("text_config.vocab_size", "found 0"), ("text_config.max_position_embeddings", "found \"64\""));
    }

    [Theory, InlineData("[1]"), InlineData("\"llama\""), InlineData("{\"model_type\": "), InlineData("")]
    public void A_file_that_is_no_object_is_refused_by_its_name(string text) =>
        Assert.StartsWith(folder["config.json"], Assert.Throws<ConfigurationException>(() => Config(text)).Message);

    [Fact]
    public void A_folder_without_a_config_is_named() =>
        Assert.Contains(folder["config.json"], Assert.Throws<NanoVlmException>(() => HuggingFaceConfig.Load(folder.Path)).Message);

    // A wrong value in any place of any published config is a ConfigurationException and nothing else.
    [Theory, InlineData("siglip-full"), InlineData("dinov3-vits16-like"), InlineData("dinov2-registers"), InlineData("clip-vision"), InlineData("vit"), InlineData("llama3-like"), InlineData("gemma3-mm"), InlineData("smolvlm-like")]
    public void Any_value_of_any_kind_is_read_or_refused_with_its_path(string golden)
    {
        foreach (var file in new[] { "config.json", "config.v5.json" }.Select(name => RepositoryFiles.Golden($"{golden}/{name}")).Where(File.Exists))
            foreach (var path in Paths(JsonNode.Parse(File.ReadAllText(file))!, []))
                foreach (var wrong in new[] { "null", "true", "-7", "0", "1", "1e300", "\"x\"", "[]", "[1]", "{}", "{\"a\":1}" })
                {
                    var document = JsonNode.Parse(File.ReadAllText(file))!;
                    path[..^1].Aggregate(document, (node, key) => node[key]!)[path[^1]] = JsonNode.Parse(wrong);
                    var config = Config(document.ToJsonString());
                    var error = Record.Exception(() =>
                    {
                        if (HuggingFaceVlm.Knows(config.ModelType)) HuggingFaceVlm.Read(config);
                        else if (config.ModelType == "siglip") HuggingFaceSiglip.Read(config);
                        else if (HuggingFaceLanguage.Knows(config.ModelType)) HuggingFaceLanguage.Read(config);
                        else HuggingFaceVision.Read(config);
                    });
                    Assert.True(error is null or ConfigurationException or NanoVlmException { InnerException: null }, $"{string.Join('.', path)} = {wrong}: {error}");
                }

        static IEnumerable<string[]> Paths(JsonNode node, string[] path) => node is not JsonObject members ? [path]
            : [.. path.Length > 0 ? new[] { path } : [], .. members.SelectMany(member => member.Value is null ? [[.. path, member.Key]] : Paths(member.Value, [.. path, member.Key]))];
    }

    private LanguageConfig Language(string json) => HuggingFaceLanguage.Read(Config(json));

    private void Refused(Action read, params (string Path, string Message)[] problems)
    {
        var error = Assert.Throws<ConfigurationException>(read);
        Assert.StartsWith(folder["config.json"], error.Message);
        foreach (var (path, message) in problems)
            Assert.Contains(error.Problems, problem => problem.Path == path && problem.Message.Contains(message, StringComparison.Ordinal));
        Assert.True(error.Problems.Count == problems.Length, error.Message);
    }

    private HuggingFaceConfig Config(string json)
    {
        File.WriteAllText(folder["config.json"], json);
        return HuggingFaceConfig.Load(folder.Path);
    }
}
