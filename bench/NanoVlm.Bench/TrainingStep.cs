using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Training.Distributed;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>The training step of pytorch_step.py with this library's classes, in the trainer's order. The sizes are that file's.</summary>
internal sealed class TrainingStep : IDisposable
{
    internal const int Batch = 64;
    private const int Tokens = 48, ImageTokens = 16, Answer = 12, Image = 64, Vocabulary = 600, ImageToken = 1;
    private readonly VisionLanguageModel model;
    private readonly AdamW optimizer;
    private readonly (Tensor Pixels, Tensor Ids, Tensor Labels)[] data;
    private readonly RankGroup? ranks;
    private readonly GradientReducer? reducer;

    internal TrainingStep(ScalarType dtype, RankGroup? ranks = null)
    {
        this.ranks = ranks;
        model = new VisionLanguageModel(Config, ImageToken) { ComputeDtype = dtype };
        Initialization.Apply(model, new ModelSection(), seed: 0);
        model.train();
        optimizer = optim.AdamW(model.parameters(), lr: 1e-3, beta1: 0.9, beta2: 0.95, weight_decay: 0.01);
        if (ranks is not null) reducer = new GradientReducer(ranks, model.named_parameters());
        var random = new Random(1 + (ranks?.Rank ?? 0));
        data = [.. Enumerable.Range(0, 4).Select(_ => MakeBatch(random))];
    }

    internal static VlmConfig Config { get; } = new()
    {
        VitHiddenDim = 128,
        VitInterDim = 512,
        VitPatchSize = 8,
        VitImgSize = Image,
        VitNHeads = 4,
        VitNBlocks = 4,
        LmHiddenDim = 128,
        LmInterDim = 384,
        LmReBase = 10000,
        LmBaseVocabSize = Vocabulary,
        ExtraTokenAmount = 0,
        LmVocabSize = Vocabulary,
        LmNHeads = 4,
        LmNKvHeads = 2,
        LmNBlocks = 4,
        LmTieWeights = true,
        MpPixelShuffleFactor = 2,
        MpImageTokenLength = ImageTokens,
    };

    internal long Parameters => model.parameters().Sum(parameter => parameter.numel());

    /// <summary>One step on one of four batches.</summary>
    /// <param name="number">The step's number.</param>
    /// <param name="finished">Told the name of each part when it is done.</param>
    /// <returns>The loss before the step.</returns>
    internal double Run(int number, Action<string>? finished = null)
    {
        var (pixels, ids, labels) = data[number % data.Length];
        double loss;
        using (NewDisposeScope())
        {
            // The trainer's Loss(ids, pixels, labels) computes the last block at labels only; the peer does not, so neither does this.
            var (sum, count) = VisionLanguageModel.Loss(model.Decoder, model.forward(ids, pixels), labels);
            loss = sum.ToDouble() / count;
            finished?.Invoke("forward");
            reducer?.Prepare(sync: true);
            (sum / (ranks?.Sum("labels", count) ?? count)).backward();
            reducer?.Wait();
        }
        finished?.Invoke("backward");
        nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        finished?.Invoke("clip");
        optimizer.step();
        finished?.Invoke("AdamW");
        model.zero_grad();
        finished?.Invoke("zero_grad");
        return loss;
    }

    public void Dispose()
    {
        foreach (var (pixels, ids, labels) in data)
        {
            pixels.Dispose();
            ids.Dispose();
            labels.Dispose();
        }
        reducer?.Dispose();
        optimizer.Dispose();
        model.Dispose();
    }

    // Rows of 40 to 48 tokens that begin with the image; the last 12 of a row are its answer, padding follows.
    private static (Tensor Pixels, Tensor Ids, Tensor Labels) MakeBatch(Random random)
    {
        var pixels = new float[Batch * 3 * Image * Image];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = random.NextSingle();
        var ids = new long[Batch * Tokens];
        var labels = new long[Batch * Tokens];
        Array.Fill(labels, VisionLanguageModel.IgnoreIndex);
        for (var row = 0; row < Batch; row++)
        {
            for (var t = 0; t < Tokens; t++) ids[row * Tokens + t] = t < ImageTokens ? ImageToken : random.Next(2, Vocabulary);
            var length = random.Next(Tokens - 8, Tokens + 1);
            for (var t = length - 1 - Answer; t < length - 1; t++) labels[row * Tokens + t] = ids[row * Tokens + t + 1];
        }
        return (tensor(pixels, [Batch, 3, Image, Image]), tensor(ids, [Batch, Tokens]), tensor(labels, [Batch, Tokens]));
    }
}
