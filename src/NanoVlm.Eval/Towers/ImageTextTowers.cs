using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Text;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Towers;

/// <summary>A dual encoder's two towers with what turns pictures and texts into their inputs.</summary>
public sealed class ImageTextTowers : IDisposable
{
    private const int TextsAtOnce = 64;

    private readonly DualEncoder model;
    private readonly Tokenizer tokenizer;
    private readonly int padding, length;

    private ImageTextTowers(string folder, DualEncoder model, Tokenizer tokenizer)
    {
        (this.model, this.tokenizer, length) = (model, tokenizer, model.Text.Config.MaxPositionEmbeddings);
        padding = tokenizer.PadTokenId ?? tokenizer.EosTokenId ?? throw new NanoVlmException($"{folder}: the tokenizer has neither a padding nor an end token; texts are padded to {length} tokens.");
        var largest = Math.Max(tokenizer.VocabularySize - 1, padding);
        if (largest >= model.Text.Config.VocabSize)
            throw new NanoVlmException($"{folder}: the tokenizer has {largest + 1} tokens, and the text tower embeds {model.Text.Config.VocabSize}; they are not of one model.");
        Images = Tower.Of(folder, model);
    }

    /// <summary>The vision tower.</summary>
    public Tower Images { get; }

    /// <summary>Opens SigLIP.</summary>
    /// <param name="folder">The model folder, with tokenizer.json and preprocessor_config.json.</param>
    /// <exception cref="NanoVlmException">A file is missing or damaged, or the model has no text tower.</exception>
    /// <exception cref="ConfigurationException">config.json is wrong.</exception>
    public static ImageTextTowers Open(string folder)
    {
        const string needed = "classification by names and retrieval need a SigLIP model with both towers (model_type siglip)";
        if (!Checkpoint.IsHuggingFace(folder))
            throw new NanoVlmException($"{folder}: {(Directory.Exists(folder) ? "holds no dual encoder" : "no such folder")}; {needed}.");
        var type = HuggingFaceConfig.Load(folder).ModelType;
        if (type.StartsWith("clip", StringComparison.Ordinal))
            throw new NanoVlmException($"{folder}: of CLIP this library has the vision tower alone, not the text tower; {needed}. Linear probes and k-NN take CLIP.");
        if (type != HuggingFaceSiglip.ModelType) throw new NanoVlmException($"{folder}: '{type}' has no text tower; {needed}.");
        var tokenizer = Tokenizer.Load(folder);
        var model = Pretrained.LoadDualEncoder(folder);
        try
        {
            return new ImageTextTowers(folder, model, tokenizer);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Vectors of pictures, of length 1.</summary>
    /// <param name="images">The pictures.</param>
    /// <param name="failed">As for <see cref="Tower.Embed"/>.</param>
    /// <returns>[pictures, hidden].</returns>
    public Tensor EmbedImages(IReadOnlyList<NanoVlm.Images.StoredImage> images, Action<int, NanoVlmException>? failed = null)
    {
        using var scope = NewDisposeScope();
        return Unit(Images.Embed(images, failed)).MoveToOuterDisposeScope();
    }

    /// <summary>Vectors of texts, of length 1. Texts are cut and padded to the length that the model was trained on.</summary>
    /// <param name="texts">The texts.</param>
    /// <returns>[texts, hidden].</returns>
    public Tensor EmbedTexts(IReadOnlyList<string> texts)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var parts = new List<Tensor>();
        foreach (var chunk in texts.Chunk(TextsAtOnce))
        {
            using var inner = NewDisposeScope();
            var ids = tensor(chunk.SelectMany(text => Ids(text)).ToArray(), [chunk.Length, length]);
            parts.Add(model.EmbedTexts(ids).MoveToOuterDisposeScope());
        }
        return cat(parts, 0).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => Images.Dispose();

    /// <summary>Vectors of length 1; one of zeros stays.</summary>
    internal static Tensor Unit(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var size = x.squared().sum(-1, true).sqrt();
        return (x / where(size > scalar(0), size, ones_like(size))).MoveToOuterDisposeScope();
    }

    private IEnumerable<long> Ids(string text)
    {
        var ids = tokenizer.Encode(text).Ids;
        // A text that is cut keeps its end token.
        if (ids.Length > length) ids = ids[^1] == tokenizer.EosTokenId ? [.. ids[..(length - 1)], ids[^1]] : ids[..length];
        return ids.Select(id => (long)id).Concat(Enumerable.Repeat((long)padding, length - ids.Length));
    }
}
