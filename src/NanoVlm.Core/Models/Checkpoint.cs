using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Language;
using NanoVlm.Text;
using NanoVlm.Weights;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>
/// A model folder as nanoVLM writes and reads it: <c>config.json</c> and <c>model.safetensors</c>; here also the tokenizer and
/// the image processor's statistics.
/// </summary>
public static class Checkpoint
{
    /// <summary>The file of the weights.</summary>
    public const string WeightsFile = ModelWeights.SingleFile;

    private const string Embedding = "token_embedding.weight";
    private const string Head = "head.weight";

    /// <summary>Reads a vision-language model with all that is needed to ask it.</summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="projector">Makes the projector that the model was trained with, where it is not the library's.</param>
    /// <exception cref="NanoVlmException">A file is missing or damaged, or tensors are missing, unexpected or misshapen; all are listed.</exception>
    /// <exception cref="ConfigurationException">config.json is wrong.</exception>
    public static LoadedModel Load(string folder, Func<VlmConfig, Module<Tensor, long, long, Tensor>>? projector = null)
    {
        var config = Config(folder);
        if (config.LmUseTokens) throw new NanoVlmException($"{folder}: holds a language model alone (lm_use_tokens); a vision-language model is needed.");
        var tokenizer = TokenizerOf(folder, config);
        var processor = new ImageProcessor(ProcessorOf(folder, config));
        return new LoadedModel(LoadModel(folder, config, ImageTokenId(folder, config, tokenizer), projector), tokenizer, processor);
    }

    /// <summary>Reads a vision-language model without what turns text and images into its inputs. Where the folder has no tokenizer,
    /// the image token is the first after the base vocabulary, which is where nanoVLM puts it.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="NanoVlmException">As <see cref="Load"/>.</exception>
    /// <exception cref="ConfigurationException">config.json is wrong.</exception>
    public static VisionLanguageModel LoadModel(string folder)
    {
        var config = Config(folder);
        return LoadModel(folder, config, TokenizerPath(folder, config) is null ? config.LmBaseVocabSize : ImageTokenId(folder, config, TokenizerOf(folder, config)));
    }

    private static VisionLanguageModel LoadModel(string folder, VlmConfig config, long imageTokenId, Func<VlmConfig, Module<Tensor, long, long, Tensor>>? projector = null)
    {
        var model = new VisionLanguageModel(config, imageTokenId, projector: projector?.Invoke(config));
        try
        {
            LoadWeights(model, folder, "decoder.", config.LmTieWeights);
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Reads a language model that stands alone (<c>lm_use_tokens</c>).</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="NanoVlmException">As <see cref="Load"/>.</exception>
    public static CausalLanguageModel LoadLanguageModel(string folder)
    {
        var config = Config(folder);
        var model = new CausalLanguageModel(config.Language());
        try
        {
            LoadWeights(model, folder, "", config.LmTieWeights);
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Either of them, for who has to take what comes.</summary>
    internal static (Module Model, ParameterNames Names) Open(string folder)
    {
        Module model = Config(folder).LmUseTokens ? LoadLanguageModel(folder) : LoadModel(folder);
        return (model, ParameterNames.Own(model));
    }

    /// <summary>A folder's configuration.</summary>
    /// <param name="folder">The model folder.</param>
    public static VlmConfig Config(string folder) => IsHuggingFace(folder)
        ? throw new NanoVlmException($"{folder}: holds a Hugging Face model of type '{HuggingFaceConfig.Load(folder).ModelType}'; a folder that nanoVLM or the trainer wrote is needed.")
        : VlmConfig.Load(folder);

    /// <summary>Whether a folder is one of transformers', whose <c>config.json</c> has a <c>model_type</c>.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="NanoVlmException">There is no such folder, or no config.json in it.</exception>
    /// <exception cref="ConfigurationException">config.json is not a JSON object.</exception>
    public static bool IsHuggingFace(string folder) => Directory.Exists(folder)
        ? HuggingFaceConfig.Load(folder).ModelType.Length > 0
        : throw new NanoVlmException($"{folder}: no such folder; give one that holds config.json and {WeightsFile}.");

    /// <summary>Writes a model folder. The caller makes it atomic: see the trainer's checkpoints.</summary>
    /// <param name="folder">The folder, made if need be.</param>
    /// <param name="model">The model; weights are written as float32.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="processor">Its image processor.</param>
    public static void Save(string folder, VisionLanguageModel model, Tokenizer tokenizer, ImageProcessor processor) =>
        Save(folder, model.Config, model.state_dict(), tokenizer, processor);

    /// <summary>Writes a model folder from weights that are not, or no longer, a model's.</summary>
    /// <param name="folder">The folder, made if need be.</param>
    /// <param name="config">The model's configuration.</param>
    /// <param name="state">Its weights, as <c>state_dict</c> names them.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="processor">Its image processor.</param>
    public static void Save(string folder, VlmConfig config, IReadOnlyDictionary<string, Tensor> state, Tokenizer tokenizer, ImageProcessor processor)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, VlmConfig.FileName), config.ToJson());
        SaveWeights(state, Path.Combine(folder, WeightsFile), "decoder.", config.LmTieWeights);
        tokenizer.Save(folder);
        PreprocessorFile.Save(processor.Config, Path.Combine(folder, PreprocessorFile.FileName));
    }

    /// <summary>Writes weights under nanoVLM's names; a tied head once, as safetensors' <c>save_model</c> does.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <param name="decoder">The decoder's prefix in names: <c>decoder.</c> or none.</param>
    /// <param name="tied">Whether the head is the token embedding.</param>
    public static void SaveWeights(Module model, string path, string decoder, bool tied) => SaveWeights(model.state_dict(), path, decoder, tied);

    private static void SaveWeights(IReadOnlyDictionary<string, Tensor> state, string path, string decoder, bool tied)
    {
        if (!tied)
        {
            SafeTensorsWriter.Write(path, state);
            return;
        }
        var once = new Dictionary<string, Tensor>(state);
        once.Remove(decoder + Embedding, out var shared);
        once[decoder + Head] = shared!;
        SafeTensorsWriter.Write(path, once, new Dictionary<string, string> { [decoder + Embedding] = decoder + Head });
    }

    /// <summary>Reads weights, and refuses a file that does not hold exactly what the model needs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file, or the model folder.</param>
    /// <param name="decoder">The decoder's prefix in names: <c>decoder.</c> or none.</param>
    /// <param name="tied">Whether the head is the token embedding.</param>
    /// <exception cref="NanoVlmException">Tensors are missing, unexpected or misshapen; all are listed.</exception>
    public static void LoadWeights(Module model, string path, string decoder, bool tied)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var file = ModelWeights.Open(path);
        var state = model.state_dict();
        var problems = new List<string>();
        var used = new HashSet<string>();
        var sources = new List<(Tensor Target, string Name)>();
        foreach (var (name, target) in state)
        {
            // A tied head is stored under either of its names, or under both.
            string[] names = tied && name == decoder + Embedding ? [name, decoder + Head] : [name];
            var found = names.Where(file.Contains).ToArray();
            used.UnionWith(names);
            if (found.Length == 0)
                problems.Add($"{name} is missing (expected [{string.Join(", ", target.shape)}])");
            foreach (var info in found.Select(stored => file[stored]))
            {
                if (!info.Shape.SequenceEqual(target.shape))
                    problems.Add($"{info.Name} has shape [{string.Join(", ", info.Shape)}], expected [{string.Join(", ", target.shape)}]");
                else if (!info.DType.ToString().Contains('F'))
                    problems.Add($"{info.Name} is {info.DType}, expected a floating-point type");
            }
            if (found.Length == 2 && !Same(file, found[0], found[1]))
                problems.Add($"{found[0]} and {found[1]} differ, but lm_tie_weights says that they are one");
            if (found.Length > 0) sources.Add((target, found[0]));
        }
        problems.AddRange(file.Names.Where(name => !used.Contains(name)).Select(name => $"{name} is unexpected"));
        if (problems.Count > 0)
            throw new NanoVlmException($"{file.Path}: does not hold the weights that config.json describes:\n  " + string.Join("\n  ", problems));
        foreach (var (target, name) in sources)
        {
            file.CopyTo(name, target);
        }
    }

    private static bool Same(ModelWeights file, string one, string other)
    {
        using var scope = NewDisposeScope();
        return !file[one].Shape.SequenceEqual(file[other].Shape) || (file.Tensor(one) == file.Tensor(other)).all().item<bool>(); // a wrong shape is told of already
    }

    // Beside the model first, then where lm_tokenizer says, taken from the folder.
    private static string? TokenizerPath(string folder, VlmConfig config)
    {
        if (File.Exists(Path.Combine(folder, "tokenizer.json"))) return folder;
        var path = Path.GetFullPath(Path.Combine(folder, config.LmTokenizer));
        return Path.Exists(path) ? path : null;
    }

    private static long ImageTokenId(string folder, VlmConfig config, Tokenizer tokenizer)
    {
        var image = config.VlmExtraTokens.GetValueOrDefault("image_token", ImageTokens.Image);
        return tokenizer.TokenToId(image) ?? throw new NanoVlmException($"{folder}: the tokenizer has no image token '{image}' (vlm_extra_tokens).");
    }

    private static Tokenizer TokenizerOf(string folder, VlmConfig config)
    {
        var path = TokenizerPath(folder, config)
            ?? throw new NanoVlmException($"{folder}: there is no tokenizer.json, and lm_tokenizer '{config.LmTokenizer}' is not a folder; put the tokenizer's files beside the model.");
        var tokenizer = Tokenizer.Load(path).WithAddedTokens(config.VlmExtraTokens.Values);
        if (tokenizer.EosTokenId is { } eos && tokenizer.PadTokenId is null) tokenizer = tokenizer.WithPadToken(tokenizer.IdToToken(eos)!);
        return tokenizer.WithChatTemplate(config.LmChatTemplate);
    }

    internal static ImageProcessorConfig ProcessorOf(string folder, VlmConfig config)
    {
        var path = Path.Combine(folder, PreprocessorFile.FileName);
        if (File.Exists(path)) return PreprocessorFile.Load(path);
        // A folder of nanoVLM's: pixels in [0, 1], not normalised (data/processors.py).
        return new ImageProcessorConfig
        {
            TileSize = config.VitImgSize,
            MaxSide = config.MaxImgSize,
            Split = true,
            Upscale = config.ResizeToMaxSideLen,
        };
    }
}

/// <summary>A model with what it takes to ask it.</summary>
/// <param name="Model">The model, in evaluation mode.</param>
/// <param name="Tokenizer">Its tokenizer, image tokens included.</param>
/// <param name="Processor">Its image processor.</param>
public sealed record LoadedModel(VisionLanguageModel Model, Tokenizer Tokenizer, ImageProcessor Processor) : IDisposable
{
    /// <summary>Frees the model.</summary>
    public void Dispose() => Model.Dispose();
}
