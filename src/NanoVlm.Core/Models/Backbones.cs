using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Text;
using NanoVlm.Weights;
using static TorchSharp.torch;

namespace NanoVlm.Models;

/// <summary>The pretrained parts that a model to train begins with: their folders and what those say.</summary>
/// <param name="VisionFolder">The tower's model folder; null: the tower is new.</param>
/// <param name="Vision">Its architecture.</param>
/// <param name="LanguageFolder">The language model's folder; null: the language model is new.</param>
/// <param name="Language">Its architecture.</param>
public sealed record Backbones(string? VisionFolder, VisionConfig? Vision, string? LanguageFolder, LanguageConfig? Language)
{
    /// <summary>Finds the folders that a configuration names, and downloads what is on the Hub.</summary>
    /// <param name="model">The configuration.</param>
    /// <param name="find">Gives the folder of what is named, for a key: see <see cref="ModelFolder.Resolve"/>.</param>
    /// <exception cref="NanoVlmException">There is no such folder, or it cannot be downloaded.</exception>
    /// <exception cref="ConfigurationException">A folder's type of model is not supported.</exception>
    public static Backbones Find(ModelSection model, Func<string, string, string> find)
    {
        var vision = model.Vision.Pretrained is { } tower ? find(tower, "model.vision.pretrained") : null;
        var language = model.Language.Pretrained is { } decoder ? find(decoder, "model.language.pretrained") : null;
        return new(
            vision, vision is null ? null : HuggingFaceVision.Read(HuggingFaceConfig.Load(vision)),
            language, language is null ? null : HuggingFaceLanguage.Read(HuggingFaceConfig.Load(language)));
    }

    /// <summary>The tokenizer to train with: the configuration's, or the pretrained language model's.</summary>
    /// <param name="model">The configuration.</param>
    /// <returns>With nanoVLM's tokens for images.</returns>
    /// <exception cref="NanoVlmException">It cannot be read.</exception>
    public Tokenizer Tokenizer(ModelSection model) => ImageTokens.AddTo(Text.Tokenizer.Load(model.Tokenizer ?? LanguageFolder!));

    /// <summary>How images become pixels: by the configuration, normalised as the pretrained tower was trained.</summary>
    /// <param name="image">The configuration.</param>
    /// <exception cref="NanoVlmException">The tower's preprocessor_config.json cannot be read.</exception>
    public ImageProcessorConfig Processor(ImageSection image)
    {
        var config = new ImageProcessorConfig
        {
            TileSize = image.TileSize,
            MaxSide = image.Split ? image.MaxSide : image.TileSize,
            Split = image.Split,
            Upscale = image.Upscale,
            Mean = [0.5f, 0.5f, 0.5f],
            Std = [0.5f, 0.5f, 0.5f],
        };
        if (VisionFolder is not null && Path.Combine(VisionFolder, PreprocessorFile.FileName) is var file && File.Exists(file)) config = config.WithStatisticsOf(file);
        if (image.Mean is { } mean) config = config with { Mean = [.. mean.Select(m => (float)m)] };
        if (image.Std is { } std) config = config with { Std = [.. std.Select(s => (float)s)] };
        return config;
    }

    /// <summary>Reads the pretrained weights into a model.</summary>
    /// <param name="model">The model, on the CPU.</param>
    /// <param name="seed">Of the noise in the rows of new tokens.</param>
    /// <exception cref="NanoVlmException">Weights are missing or do not fit; all is listed.</exception>
    public void Fill(VisionLanguageModel model, int seed)
    {
        using var generator = new Generator((ulong)seed);
        if (VisionFolder is not null) Pretrained.Fill(model.VisionEncoder, VisionFolder);
        if (LanguageFolder is not null) Pretrained.Fill(model.Decoder, LanguageFolder, generator);
    }
}
