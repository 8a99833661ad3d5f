using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NanoVlm.Configuration;

/// <summary>
/// A run's configuration: one JSON file of four sections, comments and trailing commas allowed. Every key has a default except what
/// to train on, and the whole of it is valid before anything starts.
/// </summary>
public sealed record RunConfig : IChecked
{
    private const string DefaultResource = "NanoVlm.configs.shapes.json";

    private static readonly JsonSerializerOptions RunJson = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    /// <summary>The model to train.</summary>
    public ModelSection Model { get; init; } = new();

    /// <summary>What to train on.</summary>
    public DataSection Data { get; init; } = new();

    /// <summary>How to train.</summary>
    public TrainSection Train { get; init; } = new();

    /// <summary>The evaluation after training.</summary>
    public EvalSection Eval { get; init; } = new();

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">The file; null is the built-in default, <c>configs/shapes.json</c>.</param>
    /// <param name="overrides">What <c>--set</c> gave: <c>train.seed=1</c>, <c>data.train[0].images=100</c>.</param>
    /// <exception cref="ConfigurationException">The file cannot be read or anything in it or in the overrides is wrong; all mistakes are listed.</exception>
    public static RunConfig Load(string? path = null, IEnumerable<string>? overrides = null)
    {
        if (path is null)
        {
            using var stream = typeof(RunConfig).Assembly.GetManifestResourceStream(DefaultResource)!;
            using var text = new StreamReader(stream);
            return Read(Encoding.UTF8.GetBytes(text.ReadToEnd()), "the built-in configuration", BuiltInFolder, overrides);
        }

        try
        {
            return Read(File.ReadAllBytes(path), path, Path.GetDirectoryName(Path.GetFullPath(path))!, overrides);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(path, [new("", $"cannot be read: {e.Message}")], e);
        }
    }

    /// <summary>Reads a configuration from JSON text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="overrides">As for <see cref="Load"/>.</param>
    /// <param name="source">What messages call the text.</param>
    /// <exception cref="ConfigurationException">As <see cref="Load"/>.</exception>
    public static RunConfig Parse(string json, IEnumerable<string>? overrides = null, string source = "run.json") =>
        Read(Encoding.UTF8.GetBytes(json), source, Directory.GetCurrentDirectory(), overrides);

    /// <summary>The checkpoint's configuration that this run trains.</summary>
    /// <param name="vocabularySize">Tokens of the tokenizer, nanoVLM's 66 for images included.</param>
    /// <exception cref="ConfigurationException">The vocabulary is too small to hold the tokens for images.</exception>
    public VlmConfig ToVlmConfig(int vocabularySize) => new VlmConfig
    {
        VitHiddenDim = Model.Vision.HiddenSize,
        VitInterDim = Model.Vision.IntermediateSize,
        VitPatchSize = Model.Vision.PatchSize,
        VitImgSize = Model.Image.TileSize,
        VitNHeads = Model.Vision.NumAttentionHeads,
        VitDropout = Model.Vision.Dropout,
        VitNBlocks = Model.Vision.NumHiddenLayers,
        VitLnEps = Model.Vision.LayerNormEps,
        VitModelType = "local",
        LmHiddenDim = Model.Language.HiddenSize,
        LmInterDim = Model.Language.IntermediateSize,
        LmRmsEps = Model.Language.RmsNormEps,
        LmReBase = Model.Language.RopeTheta,
        LmMaxPositionEmbeddings = Model.Language.MaxPositionEmbeddings,
        LmBaseVocabSize = vocabularySize - ExtraTokens.All.Count,
        ExtraTokenAmount = ExtraTokens.All.Count,
        LmVocabSize = vocabularySize,
        LmNHeads = Model.Language.NumAttentionHeads,
        LmNKvHeads = Model.Language.NumKeyValueHeads,
        LmDropout = Model.Language.Dropout,
        LmNBlocks = Model.Language.NumHiddenLayers,
        LmMaxLength = Data.MaxTokens,
        LmTieWeights = Model.Language.TieWordEmbeddings,
        LmModelType = "local",
        LmTokenizer = ".", // beside config.json in the checkpoint
        MpPixelShuffleFactor = Model.Projector.PixelShuffleFactor,
        MpImageTokenLength = TokensPerTile,
        MaxImgSize = Model.Image.Split ? Model.Image.MaxSide : Model.Image.TileSize,
        ResizeToMaxSideLen = Model.Image.Upscale,
        VlmLoadBackboneWeights = false,
        VlmCheckpointPath = Train.OutputDir,
    }.Validated();

    /// <summary>Every key with its value, defaults included; <see cref="Parse"/> reads it back.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, RunJson);

    void IChecked.Check(ConfigurationRules rules)
    {
        rules.Require(
            Data.Train.Count > 0,
            "data.train", "there is nothing to train on; give at least one source, such as { \"kind\": \"shapes\" }");
        rules.Require(
            Data.MaxTokens <= Model.Language.MaxPositionEmbeddings,
            "data.max_tokens",
            $"{Data.MaxTokens} is more than model.language.max_position_embeddings, {Model.Language.MaxPositionEmbeddings}",
            "model.language.max_position_embeddings");
        rules.Require(
            TokensPerTile < Data.MaxTokens,
            "data.max_tokens", $"{Data.MaxTokens} leaves no room for text beside the {TokensPerTile} tokens of one tile",
            "model.image.tile_size", "model.vision.patch_size", "model.projector.pixel_shuffle_factor");
    }

    private static string BuiltInFolder => Path.Combine(AppContext.BaseDirectory, "configs");

    private int TokensPerTile
    {
        get
        {
            var side = Model.Image.TileSize / Model.Vision.PatchSize / Model.Projector.PixelShuffleFactor;
            return side * side;
        }
    }

    private static RunConfig Read(ReadOnlySpan<byte> utf8, string source, string folder, IEnumerable<string>? overrides)
    {
        var document = ConfigurationNode.Parse(utf8, source);
        var problems = new ConfigurationProblems();
        ConfigurationOverrides.Apply(document, overrides ?? [], problems);
        var config = ConfigurationReader.Read<RunConfig>(document, source, problems);

        var tokenizer = Path.Combine(config.Model.Tokenizer is null ? BuiltInFolder : folder, config.Model.Tokenizer ?? "shapes-tokenizer");
        return config.Model.Tokenizer is null || Path.Exists(tokenizer)
            ? config with { Model = config.Model with { Tokenizer = tokenizer } }
            : config;
    }
}
