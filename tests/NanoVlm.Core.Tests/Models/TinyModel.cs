using NanoVlm.Configuration;
using NanoVlm.Models;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>A model of a few thousand parameters, and texts for it.</summary>
internal static class TinyModel
{
    public const long Image = 31;

    public static readonly VlmConfig Config = new()
    {
        VitHiddenDim = 16,
        VitInterDim = 24,
        VitPatchSize = 4,
        VitImgSize = 16,
        VitNHeads = 2,
        VitNBlocks = 1,
        LmHiddenDim = 24,
        LmInterDim = 32,
        LmNHeads = 4,
        LmNKvHeads = 2,
        LmNBlocks = 2,
        LmBaseVocabSize = 31,
        ExtraTokenAmount = 1,
        LmVocabSize = 32,
        LmMaxPositionEmbeddings = 64,
        MpPixelShuffleFactor = 2,
        MpImageTokenLength = 4,
    };

    public static VisionLanguageModel Make(int seed = 1, VlmConfig? config = null)
    {
        var model = new VisionLanguageModel(config ?? Config, Image);
        using var generator = new Generator((ulong)seed);
        foreach (var (name, parameter) in model.named_parameters())
            Drawn.Normal(parameter, parameter.Dimensions == 1 && name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0, 0.3, generator);
        return model;
    }

    /// <summary>A text of words, [length], with an image's tokens after its first word.</summary>
    public static long[] Text(int seed, int words, bool image)
    {
        var random = new Random(seed);
        var text = Enumerable.Range(0, words).Select(_ => (long)random.Next(31)).ToList();
        if (image) text.InsertRange(1, Enumerable.Repeat(Image, 4));
        return [.. text];
    }

    public static Tensor Pixels(int seed, int images)
    {
        using var generator = new Generator((ulong)seed);
        return rand([images, 3, 16, 16], generator: generator);
    }

    /// <summary>Rows of one length, padded with token 0, and their mask.</summary>
    public static (Tensor Ids, Tensor Mask) Padded(IReadOnlyList<long[]> texts, bool left)
    {
        var length = texts.Max(text => text.Length);
        long[] Row(long[] text, long[] values) => left
            ? [.. new long[length - text.Length], .. values] : [.. values, .. new long[length - text.Length]];
        return (tensor(texts.SelectMany(text => Row(text, text)).ToArray(), [texts.Count, length]),
            tensor(texts.SelectMany(text => Row(text, [.. Enumerable.Repeat(1L, text.Length)])).ToArray(), [texts.Count, length]));
    }
}
