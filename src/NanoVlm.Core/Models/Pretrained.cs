using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Layers;
using NanoVlm.Vision;
using NanoVlm.Weights;
using NanoVlm.Weights.Names;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>
/// Models from Hugging Face's folders: <c>config.json</c> says what they are, <c>model.safetensors</c> (or shards) holds their weights.
/// </summary>
public static class Pretrained
{
    // What a classifier has besides its tower.
    private static readonly NameMap Classifiers = new("", [], ["classifier.", "cls_classifier.", "distillation_classifier.", "visual_projection.weight"]);

    /// <summary>A vision tower: of a folder of its own, or out of a model that holds one.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="ConfigurationException">The type of model is not supported, or its configuration is wrong.</exception>
    /// <exception cref="NanoVlmException">Files are missing or damaged, or tensors are missing, unexpected or misshapen; all are listed.</exception>
    public static VisionTransformer LoadVisionTower(string folder) => (VisionTransformer)Open(folder, OpenVision).Model;

    /// <summary>A decoder: of a folder of its own, or out of a model that holds one.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="ConfigurationException">As for <see cref="LoadVisionTower"/>.</exception>
    /// <exception cref="NanoVlmException">As for <see cref="LoadVisionTower"/>.</exception>
    public static CausalLanguageModel LoadLanguageModel(string folder) => (CausalLanguageModel)Open(folder, OpenLanguage).Model;

    /// <summary>SigLIP with both its towers.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="ConfigurationException">As for <see cref="LoadVisionTower"/>.</exception>
    /// <exception cref="NanoVlmException">As for <see cref="LoadVisionTower"/>.</exception>
    public static DualEncoder LoadDualEncoder(string folder) => (DualEncoder)Open(folder, OpenDualEncoder).Model;

    /// <summary>SmolVLM, Idefics3 or Gemma-3.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="ConfigurationException">As for <see cref="LoadVisionTower"/>.</exception>
    /// <exception cref="NanoVlmException">As for <see cref="LoadVisionTower"/>.</exception>
    public static VisionLanguageModel LoadVisionLanguageModel(string folder) => (VisionLanguageModel)Open(folder, OpenVlm).Model;

    /// <summary>Fills the vision tower of a model to train. Learned positions of another grid are interpolated.</summary>
    /// <param name="tower">A tower of the folder's architecture, at any image size.</param>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="NanoVlmException">As for <see cref="LoadVisionTower"/>.</exception>
    public static void Fill(VisionTransformer tower, string folder)
    {
        var file = HuggingFaceConfig.Load(folder);
        var stored = HuggingFaceVision.Read(file);
        using var weights = ModelWeights.Open(folder);
        var (prefix, old, side) = (stored.PrefixPositions, stored.ImageSize / stored.PatchSize, tower.Config.ImageSize / tower.Config.PatchSize);
        const string positions = "patch_embedding.position_embedding";
        ParameterNames.Load(tower, weights, [("", VisionNames.Of(HuggingFaceVision.Family(file))), ("", Classifiers)], whole: IsTower(file), new Dictionary<string, (long[], Func<Tensor, Tensor>)>
        {
            [positions] = ([1, prefix + old * old, stored.HiddenSize], table =>
            {
                table = table.view(1, -1, stored.HiddenSize);
                if (side == old) return table;
                var patches = PositionInterpolation.Apply(table.narrow(1, prefix, old * old), (old, old), (side, side), stored.PositionAntialias);
                return cat([table.narrow(1, 0, prefix), patches], 1);
            }
            ),
        });
    }

    /// <summary>Fills the decoder of a model to train. Rows of the vocabulary beyond the stored ones begin as the mean of those with a
    /// little noise, so that new tokens are neither loud nor alike.</summary>
    /// <param name="decoder">A decoder of the folder's architecture, with at least as large a vocabulary.</param>
    /// <param name="folder">The model folder.</param>
    /// <param name="generator">Where the noise comes from.</param>
    /// <exception cref="NanoVlmException">As for <see cref="LoadVisionTower"/>.</exception>
    public static void Fill(CausalLanguageModel decoder, string folder, Generator generator)
    {
        var file = HuggingFaceConfig.Load(folder);
        long[] stored = [HuggingFaceLanguage.Read(file).VocabSize, decoder.Config.HiddenSize];
        using var weights = ModelWeights.Open(folder);
        ParameterNames.Load(decoder, weights, LanguageParts(decoder, file, ""), whole: IsDecoder(file), new Dictionary<string, (long[], Func<Tensor, Tensor>)>
        {
            ["token_embedding.weight"] = (stored, Extended),
            ["head.weight"] = (stored, Extended),
        });

        Tensor Extended(Tensor rows)
        {
            var more = decoder.Config.VocabSize - rows.shape[0];
            if (more == 0) return rows;
            if (more < 0) throw new NanoVlmException($"{weights.Path}: a vocabulary of {rows.shape[0]} does not fit into one of {decoder.Config.VocabSize}.");
            const double noise = 0.02; // of the rows' own spread, feature by feature
            var mean = rows.mean([0], true);
            var spread = (rows - mean).squared().mean([0], true).sqrt();
            return cat([rows, mean.plus(randn([more, rows.shape[1]], generator: generator) * spread * scalar(noise))], 0);
        }
    }

    /// <summary>Any of them, for who has to take what comes.</summary>
    internal static (Module Model, ParameterNames Names) Open(string folder)
    {
        var file = HuggingFaceConfig.Load(folder);
        if (HuggingFaceVlm.Knows(file.ModelType)) return Open(folder, OpenVlm);
        if (file.ModelType == HuggingFaceSiglip.ModelType) return Open(folder, OpenDualEncoder);
        if (HuggingFaceVision.Knows(file.ModelType)) return Open(folder, OpenVision);
        if (HuggingFaceLanguage.Knows(file.ModelType)) return Open(folder, OpenLanguage);
        file.Unsupported("a model", HuggingFaceVlm.Types.Concat(HuggingFaceVision.Types).Concat(HuggingFaceLanguage.Types).Distinct());
        file.ThrowIfAny();
        throw new InvalidOperationException();
    }

    private static (Module Model, ParameterNames Names) Open(string folder, Func<HuggingFaceConfig, ModelWeights, Opening> open)
    {
        if (!Directory.Exists(folder)) throw new NanoVlmException($"{folder}: no such folder; give one that holds config.json and {ModelWeights.SingleFile}.");
        var file = HuggingFaceConfig.Load(folder);
        using var weights = ModelWeights.Open(folder);
        var (model, parts, whole) = Sized(() => open(file, weights));
        try
        {
            var names = ParameterNames.Load(model, weights, parts, whole);
            model.eval();
            return (model, names);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    // The model is as large as config.json says, be it true or not.
    private static Opening Sized(Func<Opening> open)
    {
        try
        {
            return open();
        }
        catch (System.Runtime.InteropServices.ExternalException e)
        {
            throw new NanoVlmException($"A model of the size that config.json describes cannot be made: {e.Message.Split('\n')[0]}", e);
        }
    }

    private sealed record Opening(Module Model, IReadOnlyList<(string, NameMap)> Parts, bool Whole);

    private static Opening OpenVision(HuggingFaceConfig file, ModelWeights weights)
    {
        var (config, names) = (HuggingFaceVision.Read(file), VisionNames.Of(HuggingFaceVision.Family(file)));
        // A classifier's file has no pooler: its head takes the CLS token.
        if (config.Pooler == Pooler.Tanh && file.IsClassifier) config = config with { Pooler = Pooler.None };
        return new(new VisionTransformer(config), [("", names), ("", Classifiers)], IsTower(file));
    }

    private static Opening OpenLanguage(HuggingFaceConfig file, ModelWeights weights)
    {
        var decoder = new CausalLanguageModel(HuggingFaceLanguage.Read(file));
        return new(decoder, LanguageParts(decoder, file, ""), IsDecoder(file));
    }

    private static Opening OpenDualEncoder(HuggingFaceConfig file, ModelWeights weights)
    {
        var (vision, text) = HuggingFaceSiglip.Read(file);
        NameMap scale = new("logit_scale", [NameRule.One("logit_scale", "logit_scale"), NameRule.One("logit_bias", "logit_bias")], []);
        return new(new DualEncoder(vision, text), [("vision_model.", VisionNames.Siglip), ("text_model.", VisionNames.SiglipText), ("", scale)], true);
    }

    private static Opening OpenVlm(HuggingFaceConfig file, ModelWeights weights)
    {
        var (config, image) = HuggingFaceVlm.Read(file);
        var model = new VisionLanguageModel(config, image, HuggingFaceLanguage.Read(file));
        return new(model,
        [
            ("vision_encoder.", VisionNames.Of(HuggingFaceVision.Family(file))),
            ("MP.", config.MpKind == ProjectorKind.AveragePool ? LanguageNames.Gemma3Projector : LanguageNames.Connector),
            .. LanguageParts(model.Decoder, file, "decoder."),
        ], true);
    }

    // A tied head may be stored as well; it is the embedding then, and not read.
    private static IReadOnlyList<(string, NameMap)> LanguageParts(CausalLanguageModel decoder, HuggingFaceConfig file, string within) =>
        [(within, decoder.Config.SandwichNorm ? LanguageNames.Gemma3 : LanguageNames.Llama), (within, LanguageNames.Head)];

    private static bool IsTower(HuggingFaceConfig file) => HuggingFaceVision.IsTower(file.ModelType);

    private static bool IsDecoder(HuggingFaceConfig file) => HuggingFaceLanguage.IsDecoder(file.ModelType);
}
