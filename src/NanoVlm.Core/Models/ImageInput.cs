using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Models;

/// <summary>What a model folder says about pictures.</summary>
/// <param name="Processor">Makes the pixels.</param>
/// <param name="Markup">Makes the text that stands for them; null for a vision tower alone.</param>
internal sealed record ImageInput(PixelProcessor Processor, ImageMarkup? Markup)
{
    // Where transformers 5 puts all of it.
    private const string ProcessorFile = "processor_config.json";

    /// <summary>Reads a folder: nanoVLM's or ours, or one of Hugging Face's with a <c>preprocessor_config.json</c> (transformers 5:
    /// <c>processor_config.json</c>), whose <c>config.json</c> may be missing.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="NanoVlmException">A file is missing or cannot be read, or the processor is of a kind that is not supported.</exception>
    /// <exception cref="ConfigurationException">config.json is wrong.</exception>
    public static ImageInput Open(string folder)
    {
        if (!Directory.Exists(folder)) throw new NanoVlmException($"{folder}: no such folder; give one that holds {PreprocessorFile.FileName}.");
        var hasConfig = File.Exists(Path.Combine(folder, VlmConfig.FileName));
        if (hasConfig && !Checkpoint.IsHuggingFace(folder))
        {
            var config = Checkpoint.Config(folder);
            if (config.LmUseTokens) throw new NanoVlmException($"{folder}: holds a language model alone (lm_use_tokens), which takes no pictures.");
            return new ImageInput(
                new ImageProcessor(Checkpoint.ProcessorOf(folder, config)),
                ImageMarkup.NanoVlm(config.MpImageTokenLength, config.VlmExtraTokens.Values.Contains(ImageTokens.GlobalImage)));
        }
        var file = Path.Combine(folder, PreprocessorFile.FileName);
        if (!File.Exists(file) && Path.Combine(folder, ProcessorFile) is var other && File.Exists(other)) file = other;
        var processor = PreprocessorFile.Open(file);
        var model = hasConfig ? HuggingFaceConfig.Load(folder) : null;
        var tokens = model is not null && HuggingFaceVlm.Knows(model.ModelType) ? HuggingFaceVlm.Read(model).Config.MpImageTokenLength : (int?)null;
        return new ImageInput(processor, processor switch
        {
            Idefics3Processor => ImageMarkup.Idefics3(tokens ?? 169), // the default of transformers' processor
            TowerProcessor when model?.ModelType == "gemma3" => ImageMarkup.Gemma3(tokens!.Value),
            _ => null,
        });
    }
}
