using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
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
    /// <param name="path">
    /// The file, or the name of a shipped configuration with <c>.json</c> or without, such as <c>dinov3_gemma</c>; null is the built-in default, <c>configs/shapes.json</c>.
    /// </param>
    /// <param name="overrides">What <c>--set</c> gave: <c>train.seed=1</c>, <c>data.train[0].images=100</c>.</param>
    /// <exception cref="ConfigurationException">The file cannot be read or anything in it or in the overrides is wrong; all mistakes are listed.</exception>
    public static RunConfig Load(string? path = null, IEnumerable<string>? overrides = null)
    {
        if (path is null)
        {
            using var stream = typeof(RunConfig).Assembly.GetManifestResourceStream(DefaultResource)!;
            using var text = new StreamReader(stream);
            return Read(Encoding.UTF8.GetBytes(text.ReadToEnd()), "the built-in configuration", ShippedConfigs.Folder, overrides);
        }

        var file = ShippedConfigs.Find(path);
        try
        {
            return Read(File.ReadAllBytes(file), path, Path.GetDirectoryName(Path.GetFullPath(file))!, overrides);
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

    /// <summary>Reads the configuration that a run was trained by.</summary>
    /// <param name="record">The run's <c>run.json</c>.</param>
    /// <param name="overrides">As for <see cref="Load"/>.</param>
    /// <exception cref="NanoVlmException">The record cannot be read.</exception>
    /// <exception cref="ConfigurationException">As <see cref="Load"/>.</exception>
    public static RunConfig OfRecord(string record, IEnumerable<string>? overrides = null)
    {
        try
        {
            var config = JsonNode.Parse(File.ReadAllText(record))?["config"] ?? throw new JsonException("it has no config");
            return Parse(config.ToJsonString(), overrides, record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            throw new NanoVlmException($"{record}: the run's configuration cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The checkpoint's configuration that this run trains.</summary>
    /// <param name="vocabularySize">Tokens of the tokenizer, nanoVLM's 66 for images included.</param>
    /// <param name="vision">The pretrained tower's architecture, or null.</param>
    /// <param name="language">The pretrained language model's architecture, or null.</param>
    /// <exception cref="ConfigurationException">The parts do not fit each other; all that is wrong is listed.</exception>
    public VlmConfig ToVlmConfig(int vocabularySize, VisionConfig? vision = null, LanguageConfig? language = null)
    {
        vision = (vision ?? Model.Vision.ToVisionConfig()) with { ImageSize = Model.Image.TileSize, Pooler = Pooler.None };
        language ??= Model.Language.ToLanguageConfig();
        var multiple = Model.Language.PadVocabularyToMultipleOf;
        // A pretrained embedding may have more rows than the tokenizer has tokens.
        var rows = Model.Language.Pretrained is null ? vocabularySize : Math.Max(vocabularySize, language.VocabSize);
        rows = (rows + multiple - 1) / multiple * multiple;
        var side = Model.Image.TileSize / vision.PatchSize / Model.Projector.PixelShuffleFactor;
        var config = new VlmConfig
        {
            VitModelType = Model.Vision.Pretrained ?? "local",
            LmMaxLength = Data.MaxTokens,
            LmModelType = Model.Language.Pretrained ?? "local",
            LmTokenizer = ".", // beside config.json in the checkpoint
            MpKind = Model.Projector.Kind,
            MpPixelShuffleFactor = Model.Projector.PixelShuffleFactor,
            MpImageTokenLength = Math.Max(1, side * side),
            MaxImgSize = Model.Image.Split ? Model.Image.MaxSide : Model.Image.TileSize,
            ResizeToMaxSideLen = Model.Image.Upscale,
            VlmLoadBackboneWeights = false,
            VlmCheckpointPath = Train.OutputDir,
        }.With(vision).With(language) with
        {
            LmBaseVocabSize = vocabularySize - ExtraTokens.All.Count,
            ExtraTokenAmount = rows - vocabularySize + ExtraTokens.All.Count,
            LmVocabSize = rows,
        };
        // Up to the length trained on, which data.max_tokens keeps to, nanoVLM's rule and transformers' default are one.
        if (config.LmRopeType == RopeType.Default) config = config with { LmRopeType = RopeType.Nanovlm };
        if (Data.MaxTokens > config.LmMaxPositionEmbeddings)
            throw new ConfigurationException("the configuration", [new("data.max_tokens", $"{Data.MaxTokens} is more than the language model's max_position_embeddings, {config.LmMaxPositionEmbeddings}")]);
        if (config.MpImageTokenLength >= Data.MaxTokens)
            throw new ConfigurationException("the configuration", [new("data.max_tokens", $"{Data.MaxTokens} leaves no room for text beside the {config.MpImageTokenLength} tokens of one tile")]);
        return config.Validated();
    }

    /// <summary>Every key with its value, defaults included; <see cref="Parse"/> reads it back.</summary>
    public string ToJson()
    {
        var json = JsonSerializer.SerializeToNode(this, RunJson)!;
        Leave(Model.Vision.Pretrained, "vision", VisionSection.ArchitectureKeys);
        Leave(Model.Language.Pretrained, "language", LanguageSection.ArchitectureKeys);
        return json.ToJsonString(RunJson);

        // Nothing of a pretrained part's architecture is written beside its name.
        void Leave(string? pretrained, string part, IEnumerable<string> keys)
        {
            if (pretrained is null) return;
            foreach (var key in keys) json["model"]![part]!.AsObject().Remove(key);
        }
    }

    void IChecked.Check(ConfigurationRules rules)
    {
        rules.Require(
            Data.Train.Count > 0,
            "data.train", "there is nothing to train on; give at least one source, such as { \"kind\": \"shapes\" }");
        rules.Require(
            Model.Language.Pretrained is not null || Data.MaxTokens <= Model.Language.MaxPositionEmbeddings,
            "data.max_tokens",
            $"{Data.MaxTokens} is more than model.language.max_position_embeddings, {Model.Language.MaxPositionEmbeddings}",
            "model.language.max_position_embeddings");
        rules.Require(
            Model.Vision.Pretrained is not null || TokensPerTile < Data.MaxTokens,
            "data.max_tokens", $"{Data.MaxTokens} leaves no room for text beside the {TokensPerTile} tokens of one tile",
            "model.image.tile_size", "model.vision.patch_size", "model.projector.pixel_shuffle_factor");
    }

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

        var model = config.Model;
        return config with
        {
            Model = model with
            {
                Vision = model.Vision with { Pretrained = Beside(folder, model.Vision.Pretrained) },
                Language = model.Language with { Pretrained = Beside(folder, model.Language.Pretrained) },
                Tokenizer = model.Tokenizer is null && model.Language.Pretrained is null ? Path.Combine(ShippedConfigs.Folder, "shapes-tokenizer") : Beside(folder, model.Tokenizer),
            },
        };
    }

    // A path beside the configuration as a full one; anything else as it is.
    private static string? Beside(string folder, string? path) => path is not null && Path.Exists(Path.Combine(folder, path)) ? Path.Combine(folder, path) : path;
}
