using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Configuration;

namespace NanoVlm.Tests.Configuration;

/// <summary>The keys that nanoVLM does not have: written where they are needed and read back.</summary>
public sealed class VlmConfigExtendedTests
{
    public static TheoryData<string> Towers =>
        ["siglip-vision", "siglip-full", "dinov3-vits16plus-like", "dinov3-vits16-like", "vit", "clip-vision", "dinov2", "dinov2-registers", "smolvlm-like", "gemma3-mm"];

    public static TheoryData<string> Decoders => ["llama-smollm2-like", "llama3-like", "gemma3-text", "smolvlm-like", "gemma3-mm"];

    [Theory, MemberData(nameof(Towers))]
    public void Every_familys_tower_survives_a_checkpoint(string golden) =>
        Survives(HuggingFaceVision.Read(HuggingFaceConfig.Load(RepositoryFiles.Golden(golden))) with { FixedImageSize = false }); // the image processor's matter

    [Theory, MemberData(nameof(Decoders))]
    public void Every_familys_decoder_survives_a_checkpoint(string golden) => Survives(HuggingFaceLanguage.Read(HuggingFaceConfig.Load(RepositoryFiles.Golden(golden))));

    [Fact]
    public void Any_tower_survives_a_checkpoint()
    {
        var flag = ArbMap.Default.GeneratorFor<bool>();
        var stretch = Gen.Elements<double?>(null, 1, 1.5, 2);
        var towers =
            from flags in flag.ListOf(9)
            from bias in Gen.Elements(Enum.GetValues<ProjectionBias>())
            from act in Gen.Elements(Enum.GetValues<Activation>())
            from position in Gen.Elements(Enum.GetValues<PositionEmbedding>())
            from registers in Gen.Choose(0, 8)
            from dropPath in Gen.Elements(0, 0.1, 0.5)
            from theta in Gen.Elements(100, 0.5, 1e4)
            from shift in Gen.Elements<double?>(null, 0.25)
            from jitter in stretch
            from rescale in stretch
            from eps in Gen.Elements(1e-5, 1e-6, 1e-12)
            select new VisionConfig
            {
                HiddenSize = 24,
                IntermediateSize = 40,
                NumHiddenLayers = 2,
                NumAttentionHeads = 2,
                PatchSize = 4,
                ImageSize = 16,
                LayerNormEps = eps,
                DropPath = dropPath,
                PositionEmbedding = position,
                PositionAntialias = flags[0],
                ClassToken = flags[1],
                DistillationToken = flags[2],
                NumRegisterTokens = registers,
                PatchBias = flags[3],
                PreNorm = flags[4],
                PostNorm = flags[5],
                QkvBias = bias,
                OutputBias = flags[6],
                MlpBias = flags[7],
                LayerScale = flags[8],
                HiddenAct = act,
                GatedMlp = flags[0] ^ flags[8],
                RopeTheta = theta,
                RopeShift = shift,
                RopeJitter = jitter,
                RopeRescale = rescale,
            };
        Prop.ForAll(towers.ToArbitrary(), Survives).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Any_decoder_survives_a_checkpoint()
    {
        var decoders =
            from flags in ArbMap.Default.GeneratorFor<bool>().ListOf(7)
            from rope in Gen.Elements(Enum.GetValues<RopeType>())
            from act in Gen.Elements(Enum.GetValues<Activation>())
            from layers in Gen.Elements(LayerType.FullAttention, LayerType.SlidingAttention).ListOf(3)
            from head in Gen.Elements(6, 8, 32)
            from original in Gen.Elements<int?>(null, 64)
            from local in Gen.Elements<double?>(null, 1e4, 0.5)
            from scalar in Gen.Elements<double?>(null, 48, 0.25)
            from cap in Gen.Elements<double?>(null, 30)
            from scaling in Gen.Elements(1, 0.7)
            select new LanguageConfig
            {
                VocabSize = 90,
                HiddenSize = 24,
                IntermediateSize = 40,
                NumHiddenLayers = 3,
                NumAttentionHeads = 4,
                NumKeyValueHeads = 2,
                HeadDim = head,
                MaxPositionEmbeddings = 128,
                RopeTheta = 500_000,
                RopeScaling = new RopeScaling(rope, 8, 2, 3, original),
                RopeLocalTheta = local,
                AttentionScaling = scaling,
                NormUnitOffset = flags[0],
                SandwichNorm = flags[1],
                QkNorm = flags[2],
                EmbeddingScale = flags[3],
                QueryPreAttnScalar = scalar,
                SlidingWindow = 16,
                LayerTypes = [.. layers],
                HiddenAct = act,
                AttentionBias = flags[4],
                MlpBias = flags[5],
                TieWordEmbeddings = flags[6],
                FinalLogitSoftcapping = cap,
            };
        Prop.ForAll(decoders.ToArbitrary(), Survives).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void What_nanoVLM_does_anyway_is_not_written()
    {
        var siglip = HuggingFaceVision.Read(HuggingFaceConfig.Load(RepositoryFiles.Golden("siglip-vision")));
        var plain = Keys(new VlmConfig());
        Assert.DoesNotContain("vit_class_token", plain);
        Assert.Equal(plain, Keys(new VlmConfig().With(siglip)));
        Assert.Equal([.. plain, "vit_class_token", "vit_hidden_act"], Keys(new VlmConfig().With(siglip with { ClassToken = true, HiddenAct = Activation.Gelu })));
        var nanovlm = new VlmConfig().Language();
        Assert.Equal(plain, Keys(new VlmConfig().With(nanovlm)));
        Assert.Equal([.. plain, "lm_head_dim", "lm_qk_norm"], Keys(new VlmConfig().With(nanovlm with { HeadDim = 2 * nanovlm.HeadDim, QkNorm = true })));

        static string[] Keys(VlmConfig config) => [.. System.Text.Json.JsonDocument.Parse(config.ToJson()).RootElement.EnumerateObject().Select(member => member.Name)];
    }

    [Theory]
    [InlineData("\"vit_hidden_act\": \"relu\"", "vit_hidden_act", "expected one of 'gelu_tanh', 'gelu', 'quick_gelu', 'silu'")]
    [InlineData("\"vit_position_embedding\": \"rope\"", "vit_position_embedding", "did you mean 'rope2d'")]
    [InlineData("\"vit_num_register_tokens\": -1", "vit_num_register_tokens", "of at least 0, found -1")]
    [InlineData("\"vit_drop_path\": 1.0", "vit_drop_path", "less than 1, found 1.0")]
    [InlineData("\"vit_rope_jitter\": 0", "vit_rope_jitter", "greater than 0 or null, found 0")]
    [InlineData("\"vit_class_token\": 1", "vit_class_token", "expected true or false, found 1")]
    [InlineData("\"vit_position_embedding\": \"rope2d\", \"vit_hidden_dim\": 24, \"vit_n_heads\": 4", "vit_position_embedding", "its size must be a multiple of 4")]
    [InlineData("\"lm_rope_type\": \"yarn\"", "lm_rope_type", "expected one of 'nanovlm', 'default', 'linear', 'dynamic', 'llama3'")]
    [InlineData("\"lm_rope_factor\": 0", "lm_rope_factor", "greater than 0, found 0")]
    [InlineData("\"lm_head_dim\": 7", "lm_head_dim", "its size must be even")]
    [InlineData("\"lm_layer_types\": [\"full_attention\"]", "lm_layer_types", "names 1 layers, lm_n_blocks is 32")]
    [InlineData("\"lm_layer_types\": [\"half\"]", "lm_layer_types[0]", "found the string \"half\"")]
    [InlineData("\"lm_n_blocks\": 1, \"lm_layer_types\": [\"sliding_attention\"]", "lm_sliding_window", "sliding_attention layers need a window")]
    [InlineData("\"lm_sliding_window\": 0", "lm_sliding_window", "of at least 1")]
    [InlineData("\"mp_kind\": \"conv\"", "mp_kind", "expected one of 'linear', 'mlp', 'average_pool'")]
    [InlineData("\"lm_qk_nrom\": true", "lm_qk_nrom", "did you mean 'lm_qk_norm'")]
    public void Nonsense_is_refused_with_its_path(string keys, string path, string message)
    {
        var error = Assert.Throws<ConfigurationException>(() => VlmConfig.Parse($"{{{keys}}}", "some/config.json"));
        Assert.StartsWith("some/config.json: ", error.Message);
        Assert.Contains(error.Problems, problem => problem.Path == path && problem.Message.Contains(message, StringComparison.Ordinal));
        Assert.Single(error.Problems);
    }

    [Fact]
    public void A_base_of_wavelengths_that_is_no_whole_number_is_said_to_have_no_key()
    {
        var llama = new VlmConfig().Language() with { RopeTheta = 10_000.5 };
        Assert.Contains("10000.5 cannot be written as lm_re_base", Assert.Throws<NanoVlmException>(() => new VlmConfig().With(llama)).Message);
    }

    // A checkpoint of a vision-language model has no use for the tower's pooler.
    private static void Survives(VisionConfig vision)
    {
        var grid = vision.ImageSize / vision.PatchSize;
        var config = new VlmConfig { MpPixelShuffleFactor = 1, MpImageTokenLength = grid * grid }.With(vision);
        Assert.Equal(vision with { Pooler = Pooler.None }, VlmConfig.Parse(config.ToJson()).Vision());
        Assert.Equal(config.ToJson(), VlmConfig.Parse(config.ToJson()).ToJson());
    }

    // What padding sees and which token it is are of a run, not of a checkpoint.
    private static void Survives(LanguageConfig language)
    {
        var config = new VlmConfig().With(language);
        var again = VlmConfig.Parse(config.ToJson()).Language();
        Assert.Equal(language.LayerTypes, again.LayerTypes);
        Assert.Equal(language with { PaddingSeesAll = false, PadTokenId = null, LayerTypes = [] }, again with { LayerTypes = [] });
        Assert.Equal(config.ToJson(), VlmConfig.Parse(config.ToJson()).ToJson());
    }
}
