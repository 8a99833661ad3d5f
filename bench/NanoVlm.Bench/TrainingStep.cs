using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Training.Distributed;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>A model and a batch, as pytorch_step.py has them.</summary>
/// <param name="Name">What that file calls it.</param>
/// <param name="Config">The architecture.</param>
/// <param name="Batch">Rows.</param>
/// <param name="Tokens">Of a row, an image's included.</param>
/// <param name="Answer">How many of them have a label; 0: all but the image's, in rows that are full.</param>
internal sealed record StepSizes(string Name, VlmConfig Config, int Batch, int Tokens, int Answer)
{
    internal static StepSizes Tiny { get; } = new("tiny", new VlmConfig
    {
        VitHiddenDim = 128,
        VitInterDim = 512,
        VitPatchSize = 8,
        VitImgSize = 64,
        VitNHeads = 4,
        VitNBlocks = 4,
        LmHiddenDim = 128,
        LmInterDim = 384,
        LmReBase = 10000,
        LmBaseVocabSize = 600,
        ExtraTokenAmount = 0,
        LmVocabSize = 600,
        LmNHeads = 4,
        LmNKvHeads = 2,
        LmNBlocks = 4,
        LmTieWeights = true,
        MpPixelShuffleFactor = 2,
        MpImageTokenLength = 16,
    }, Batch: 64, Tokens: 48, Answer: 12);

    /// <summary>SigLIP-B/16 at 224 pixels and SmolLM2-135M.</summary>
    internal static StepSizes NanoVlm222M { get; } = new("222m", new VlmConfig
    {
        VitHiddenDim = 768,
        VitInterDim = 3072,
        VitPatchSize = 16,
        VitImgSize = 224,
        VitNHeads = 12,
        VitNBlocks = 12,
        LmHiddenDim = 576,
        LmInterDim = 1536,
        LmReBase = 100000,
        LmBaseVocabSize = 49152,
        ExtraTokenAmount = 66,
        LmVocabSize = 49218,
        LmNHeads = 9,
        LmNKvHeads = 3,
        LmNBlocks = 30,
        LmTieWeights = true,
        MpPixelShuffleFactor = 2,
        MpImageTokenLength = 49,
    }, Batch: 4, Tokens: 128, Answer: 64);

    /// <summary>DINOv3 ViT-S+/16 at 512 pixels and Gemma-3-270m, as configs/dinov3_gemma.json joins them.</summary>
    internal static StepSizes Dinov3Gemma { get; } = new("dinov3_gemma", RunConfig.Parse("""
        { "model": { "projector": { "pixel_shuffle_factor": 4, "kind": "mlp" }, "image": { "tile_size": 512, "max_side": 1024 } }, "data": { "train": [ { "kind": "shapes" } ] } }
        """).ToVlmConfig(262144, HuggingFaceVision.Read(RealSize.Dinov3Config), HuggingFaceLanguage.Read(RealSize.Gemma3Config)), Batch: 2, Tokens: 256, Answer: 0);
}

/// <summary>The training step of pytorch_step.py with this library's classes, in the trainer's order.</summary>
internal sealed class TrainingStep : IDisposable
{
    private const int ImageToken = 1;
    private readonly VisionLanguageModel model;
    private readonly AdamW optimizer;
    private readonly bool asTrainer;
    private readonly (Tensor Pixels, Tensor Ids, Tensor Labels)[] data;

    private readonly RankGroup? ranks;
    private readonly GradientReducer? reducer;

    internal TrainingStep(StepSizes sizes, ScalarType dtype, TrainSection? train = null, RankGroup? ranks = null)
    {
        this.ranks = ranks;
        model = new VisionLanguageModel(sizes.Config, ImageToken) { ComputeDtype = dtype };
        Initialization.Apply(model, new ModelSection(), seed: 0);
        model.train();
        if (train is { LrVision: 0 }) Freeze(model.VisionEncoder);
        if (train is { LrLanguage: 0 }) Freeze(model.Decoder);
        model.ActivationCheckpointing = train?.ActivationCheckpointing ?? ActivationCheckpointing.None;
        asTrainer = train is not null;
        optimizer = optim.AdamW(model.parameters().Where(parameter => parameter.requires_grad), lr: 1e-3, beta1: 0.9, beta2: 0.95, weight_decay: 0.01);
        if (train is { OptimizerState: OptimizerState.Bf16 }) optimizer.StateDtype = ScalarType.BFloat16;
        if (ranks is not null) reducer = new GradientReducer(ranks, model.named_parameters());
        var random = new Random(1 + (ranks?.Rank ?? 0));
        data = [.. Enumerable.Range(0, train is null ? 4 : 2).Select(_ => MakeBatch(sizes, random))];

        static void Freeze(nn.Module part)
        {
            foreach (var parameter in part.parameters()) parameter.requires_grad = false;
        }
    }

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
            // The trainer's Loss(ids, pixels, labels) computes the last block at labels only; the peer does not, so beside it neither does this.
            var (sum, count) = asTrainer ? model.Loss(ids, pixels, labels) : VisionLanguageModel.Loss(model.Decoder, model.forward(ids, pixels), labels);
            loss = sum.ToDouble() / count;
            finished?.Invoke("forward");
            (sum / (ranks?.Sum("labels", count) ?? count)).backward();
            reducer?.Sum();
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

    // Rows that begin with the image and are up to 8 tokens short of the longest; the last of a row are its answer, padding follows.
    private static (Tensor Pixels, Tensor Ids, Tensor Labels) MakeBatch(StepSizes sizes, Random random)
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
        return (tensor(pixels, [batch, 3, image, image]), tensor(ids, [batch, length]), tensor(labels, [batch, length]));
    }
}
