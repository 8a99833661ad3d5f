using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>Rows that begin with the image and are up to 8 tokens short of the longest; the last of a row are its answer, padding follows.</summary>
/// <param name="Pixels">[B, 3, S, S].</param>
/// <param name="Ids">[B, T].</param>
/// <param name="Labels">[B, T].</param>
internal sealed record StepBatch(Tensor Pixels, Tensor Ids, Tensor Labels) : IDisposable
{
    internal const int ImageToken = 1;

    /// <summary>Some batches, by a seed.</summary>
    internal static StepBatch[] Make(StepSizes sizes, int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Make(sizes, random))];
    }

    private static StepBatch Make(StepSizes sizes, Random random)
    {
        var (batch, length, image, vocabulary) = (sizes.Batch, sizes.Tokens, sizes.Config.VitImgSize, sizes.Config.LmVocabSize);
        var pixels = new float[batch * 3 * image * image];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = random.NextSingle();
        var ids = new long[batch * length];
        var labels = new long[ids.Length];
        Array.Fill(labels, VisionLanguageModel.IgnoreIndex);
        for (var row = 0; row < batch; row++)
        {
            for (var t = 0; t < length; t++) ids[row * length + t] = t < sizes.Config.MpImageTokenLength ? ImageToken : random.Next(2, vocabulary);
            var end = sizes.Answer == 0 ? length : random.Next(length - 8, length + 1);
            for (var t = sizes.Answer == 0 ? sizes.Config.MpImageTokenLength - 1 : end - 1 - sizes.Answer; t < end - 1; t++) labels[row * length + t] = ids[row * length + t + 1];
        }
        return new StepBatch(tensor(pixels, [batch, 3, image, image]), tensor(ids, [batch, length]), tensor(labels, [batch, length]));
    }

    public void Dispose()
    {
        Pixels.Dispose();
        Ids.Dispose();
        Labels.Dispose();
    }
}
