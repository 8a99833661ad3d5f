using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Text;
using NanoVlm.Weights;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>The model that a run's configuration asks for, checked whole before anything is made of it.</summary>
public sealed class ModelPlan
{
    private readonly RunConfig config;
    private readonly string? visionFolder;
    private readonly string? languageFolder;

    private ModelPlan(RunConfig config, string? visionFolder, string? languageFolder)
    {
        (this.config, this.visionFolder, this.languageFolder) = (config, visionFolder, languageFolder);
        var vision = visionFolder is null ? null : HuggingFaceVision.Read(HuggingFaceConfig.Load(visionFolder));
        var language = languageFolder is null ? null : HuggingFaceLanguage.Read(HuggingFaceConfig.Load(languageFolder));
        Tokenizer = ImageTokens.AddTo(Text.Tokenizer.Load(config.Model.Tokenizer ?? languageFolder!));
        Architecture = config.ToVlmConfig(Tokenizer.VocabularySize, vision, language) with { LmChatTemplate = Tokenizer.ChatTemplate! };
        Processor = ProcessorConfig();
        FrozenParameters.Of([.. ParameterShapes.Of(Architecture).Select(parameter => parameter.Name)], config.Train.Freeze);
    }

    /// <summary>The tokenizer, with nanoVLM's tokens for images: the configuration's, or the pretrained language model's.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The architecture.</summary>
    public VlmConfig Architecture { get; }

    /// <summary>How images become pixels: by the configuration, normalised as the pretrained tower was trained.</summary>
    public ImageProcessorConfig Processor { get; }

    /// <summary>Reads what the configuration names, and downloads what is on the Hub.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="find">Gives the folder of what is named, for a key; null: <see cref="ModelFolder.Resolve"/> does.</param>
    /// <exception cref="NanoVlmException">A folder or file is missing or cannot be read or downloaded.</exception>
    /// <exception cref="ConfigurationException">A type of model is not supported, or the parts do not fit each other.</exception>
    public static ModelPlan Of(RunConfig config, Func<string, string, string>? find = null)
    {
        find ??= (named, key) => ModelFolder.Resolve(named, key);
        return new(
            config,
            config.Model.Vision.Pretrained is { } tower ? find(tower, "model.vision.pretrained") : null,
            config.Model.Language.Pretrained is { } decoder ? find(decoder, "model.language.pretrained") : null);
    }

    /// <summary>Makes the model: new parts drawn from the seed, pretrained ones read from their folders.</summary>
    /// <param name="seed">Where the stream of random numbers begins.</param>
    /// <param name="projector">Makes a projector of your own (see <see cref="VisionLanguageModel"/>), whose weights are drawn like the others: matrices normal,
    /// biases zero, other vectors one. Null: the configuration's.</param>
    /// <exception cref="NanoVlmException">Weights are missing or do not fit; all is listed.</exception>
    public VisionLanguageModel Build(int seed, Func<VlmConfig, Module<Tensor, long, long, Tensor>>? projector = null)
    {
        var model = new VisionLanguageModel(Architecture, Tokenizer.TokenToId(ImageTokens.Image)!.Value, projector: projector?.Invoke(Architecture));
        try
        {
            Initialization.Apply(model, config.Model, seed);
            using var generator = new Generator((ulong)seed);
            if (visionFolder is not null) Pretrained.Fill(model.VisionEncoder, visionFolder);
            if (languageFolder is not null) Pretrained.Fill(model.Decoder, languageFolder, generator);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private ImageProcessorConfig ProcessorConfig()
    {
        var image = config.Model.Image;
        var processor = new ImageProcessorConfig
        {
            TileSize = image.TileSize,
            MaxSide = image.Split ? image.MaxSide : image.TileSize,
            Split = image.Split,
            Upscale = image.Upscale,
            KeepAspectRatio = image.KeepAspectRatio,
            Mean = [0.5f, 0.5f, 0.5f],
            Std = [0.5f, 0.5f, 0.5f],
        };
        if (visionFolder is not null && Path.Combine(visionFolder, PreprocessorFile.FileName) is var file && File.Exists(file)) processor = processor.WithStatisticsOf(file);
        if (image.Mean is { } mean) processor = processor with { Mean = [.. mean.Select(m => (float)m)] };
        if (image.Std is { } std) processor = processor with { Std = [.. std.Select(s => (float)s)] };
        return processor;
    }
}
