using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Configuration;

namespace NanoVlm.Tests.Configuration;

public sealed class VlmConfigTests
{
    private static readonly string Tied = File.ReadAllText(RepositoryFiles.Golden("nanovlm-tied/config.json"));

    [Theory]
    [InlineData("nanovlm-tied")]
    [InlineData("nanovlm-untied-longrope")]
    public void What_nanoVLM_wrote_is_written_back_byte_for_byte(string golden)
    {
        var folder = RepositoryFiles.Golden(golden);

        Assert.Equal(File.ReadAllText(Path.Combine(folder, "config.json")), VlmConfig.Load(folder).ToJson());
    }

    [Fact]
    public void A_language_model_alone_may_have_any_vocabulary()
    {
        var config = VlmConfig.Load(RepositoryFiles.Golden("nanovlm-lm/config.json"));

        Assert.True(config.LmUseTokens);
        Assert.Equal((60, 66, 64), (config.LmBaseVocabSize, config.ExtraTokenAmount, config.LmVocabSize));
    }

    [Fact]
    public void Absent_keys_have_nanoVLM_s_defaults()
    {
        var config = VlmConfig.Parse("{}");

        Assert.Equal(new VlmConfig().ToJson(), config.ToJson());
        Assert.Equal((768, 3072, 49218, 66), (config.VitHiddenDim, config.VitInterDim, config.LmVocabSize, config.VlmExtraTokens.Count));
        Assert.Equal("<row_8_col_8>", config.VlmExtraTokens["r8c8"]);
        Assert.Equal(VlmConfig.Parse(Tied).LmChatTemplate, config.LmChatTemplate);
        Assert.Equal(VlmConfig.Parse(Tied).VlmExtraTokens, config.VlmExtraTokens);
    }

    [Fact]
    public void Whole_numbers_are_integers_however_python_writes_them()
    {
        Assert.Equal(500000, Changed("\"lm_re_base\": 100000", "\"lm_re_base\": 500000.0").LmReBase);
        Assert.Equal(0, Changed("\"vit_dropout\": 0.0", "\"vit_dropout\": 0").VitDropout);
    }

    [Theory]
    [InlineData("\"vit_hidden_dim\": 32", "\"vit_hidden_dim\": 34", "vit_hidden_dim", "34 is not a multiple of vit_n_heads, 4")]
    [InlineData("\"vit_img_size\": 32", "\"vit_img_size\": 36", "vit_img_size", "36 is not a multiple of vit_patch_size, 8")]
    [InlineData("\"vit_patch_size\": 8", "\"vit_patch_size\": 0", "vit_patch_size", "expected an integer of at least 1, found 0")]
    [InlineData("\"vit_n_blocks\": 2", "\"vit_n_blocks\": 2.5", "vit_n_blocks", "expected an integer of at least 1, found 2.5")]
    [InlineData("\"vit_n_blocks\": 2", "\"vit_n_blocks\": 3000000000", "vit_n_blocks", "expected an integer")]
    [InlineData("\"vit_n_blocks\": 2", "\"vit_n_blocks\": \"2\"", "vit_n_blocks", "expected an integer of at least 1, found the string \"2\"")]
    [InlineData("\"vit_dropout\": 0.0", "\"vit_dropout\": 1", "vit_dropout", "expected a number of at least 0 and less than 1, found 1")]
    [InlineData("\"vit_ln_eps\": 1e-06", "\"vit_ln_eps\": 0", "vit_ln_eps", "expected a number greater than 0")]
    [InlineData("\"vit_ln_eps\": 1e-06", "\"vit_ln_eps\": 1e999", "vit_ln_eps", "found 1e999")]
    [InlineData("\"vit_cls_flag\": false", "\"vit_cls_flag\": 0", "vit_cls_flag", "expected true or false, found 0")]
    [InlineData("\"vit_model_type\": \"local\"", "\"vit_model_type\": null", "vit_model_type", "expected a string, found null")]
    [InlineData("\"vit_model_type\": \"local\"", "\"vit_modle_type\": \"local\"", "vit_modle_type", "unknown key; did you mean 'vit_model_type'; allowed here: vit_hidden_dim")]
    [InlineData("\"vit_model_type\": \"local\"", "\"something_else_entirely\": 1", "something_else_entirely", "unknown key; allowed here: vit_hidden_dim")]
    [InlineData("\"lm_hidden_dim\": 48", "\"lm_hidden_dim\": 50", "lm_hidden_dim", "50 is not a multiple of lm_n_heads, 3")]
    [InlineData("\"lm_hidden_dim\": 48", "\"lm_hidden_dim\": 45", "lm_hidden_dim", "its size must be even")]
    [InlineData("\"lm_n_kv_heads\": 1", "\"lm_n_kv_heads\": 2", "lm_n_kv_heads", "2 does not divide lm_n_heads, 3")]
    [InlineData("\"mp_pixel_shuffle_factor\": 2", "\"mp_pixel_shuffle_factor\": 3", "mp_pixel_shuffle_factor", "3 does not divide the grid of 4 x 4 patches")]
    [InlineData("\"mp_image_token_length\": 4", "\"mp_image_token_length\": 64", "mp_image_token_length", "expected 4, which 4 x 4 patches shuffled by 2 give, found 64")]
    [InlineData("\"lm_vocab_size\": 586", "\"lm_vocab_size\": 520", "lm_vocab_size", "expected 586, lm_base_vocab_size + extra_token_amount, found 520")]
    [InlineData("\"extra_token_amount\": 66,\n    \"lm_vocab_size\": 586", "\"extra_token_amount\": 1,\n    \"lm_vocab_size\": 521", "extra_token_amount", "1 is too few for the 66 tokens")]
    [InlineData("\"image_token\"", "\"img_token\"", "vlm_extra_tokens", "'image_token' is missing")]
    [InlineData("\"<|image|>\"", "5", "vlm_extra_tokens.image_token", "expected a string, found 5")]
    [InlineData("\"max_img_size\": 64", "\"max_img_size\": 16", "max_img_size", "16 is less than vit_img_size, 32")]
    [InlineData("\"lm_tie_weights\": true", "\"lm_tie_weights\": true, \"lm_tie_weights\": true", "lm_tie_weights", "this key is written twice")]
    public void Wrong_values_are_refused_with_their_path(string from, string to, string path, string message)
    {
        var refusal = Assert.Throws<ConfigurationException>(() => Changed(from, to));

        Assert.Contains(message, refusal.Message);
        Assert.Contains(path, refusal.Problems.Select(problem => problem.Path));
        Assert.StartsWith("some/config.json: ", refusal.Message);
    }

    [Fact]
    public void One_mistake_is_reported_once()
    {
        // 3 divides neither the width nor anything else here; rules that read a wrong key stay silent.
        Assert.Equal("vit_patch_size", Assert.Single(Assert.Throws<ConfigurationException>(
            () => Changed("\"vit_patch_size\": 8", "\"vit_patch_size\": \"3\"")).Problems).Path);
    }

    [Fact]
    public void A_configuration_made_in_code_is_held_to_the_same_rules()
    {
        Assert.Equal("lm_n_kv_heads", Assert.Throws<ConfigurationException>(() => (new VlmConfig() with { LmNKvHeads = 4 }).Validated()).Path);
        var config = new VlmConfig { VitDropout = 0.1 };
        Assert.Same(config, config.Validated());
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.Contains("nowhere", Assert.Throws<NanoVlmException>(() => VlmConfig.Load("nowhere/config.json")).Message);

    [Fact]
    public void Any_text_and_any_number_survive_writing_and_reading()
    {
        var configs =
            from text in ArbMap.Default.GeneratorFor<UnicodeString>()
            from exponent in Gen.Choose(-300, -1)
            from mantissa in Gen.Choose(1, int.MaxValue)
            select new VlmConfig { HfRepoName = WellFormed(text.Item), LmRmsEps = double.Min(0.5, mantissa * Math.Pow(10, exponent)) };

        Prop.ForAll(configs.ToArbitrary(), config =>
        {
            var again = VlmConfig.Parse(config.ToJson());
            Assert.Equal((config.HfRepoName, config.LmRmsEps), (again.HfRepoName, again.LmRmsEps));
            Assert.True(Ascii.IsValid(config.ToJson()));
        }).QuickCheckThrowOnFailure();
    }

    private static string WellFormed(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static VlmConfig Changed(string from, string to)
    {
        Assert.Contains(from, Tied);
        return VlmConfig.Parse(Tied.Replace(from, to), "some/config.json");
    }
}
