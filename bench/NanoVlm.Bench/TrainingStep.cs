using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Optimization;
using NanoVlm.Training.Distributed;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>The training step of pytorch_step.py with this library's classes, in the trainer's order.</summary>
internal sealed class TrainingStep : IDisposable
{
    private readonly VisionLanguageModel model;
    private readonly FusedAdamW optimizer;
    private readonly bool asTrainer;
    private readonly StepBatch[] data;
    private readonly RankGroup? ranks;
    private readonly GradientReducer? reducer;

    internal TrainingStep(StepSizes sizes, ScalarType dtype, TrainSection? train = null, RankGroup? ranks = null)
    {
        this.ranks = ranks;
        model = new VisionLanguageModel(sizes.Config, StepBatch.ImageToken) { ComputeDtype = dtype };
        Initialization.Apply(model, new ModelSection(), seed: 0);
        model.train();
        if (train is { LrVision: 0 }) Freeze(model.VisionEncoder);
        if (train is { LrLanguage: 0 }) Freeze(model.Decoder);
        model.ActivationCheckpointing = train?.ActivationCheckpointing ?? ActivationCheckpointing.None;
        asTrainer = train is not null;
        optimizer = new FusedAdamW(model.parameters().Where(parameter => parameter.requires_grad), lr: 1e-3, beta1: 0.9, beta2: 0.95, weight_decay: 0.01);
        if (train is { OptimizerState: OptimizerState.Bf16 }) optimizer.StateDtype = ScalarType.BFloat16;
        if (ranks is not null) reducer = new GradientReducer(ranks, model.named_parameters());
        data = StepBatch.Make(sizes, train is null ? 4 : 2, seed: 1 + (ranks?.Rank ?? 0));

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
        var norm = GradientNorm.Measure(model.parameters());
        finished?.Invoke("norm");
        optimizer.step(gradScale: norm > 1 ? 1 / (norm + 1e-6) : 1);
        finished?.Invoke("AdamW");
        model.zero_grad();
        finished?.Invoke("zero_grad");
        return loss;
    }

    public void Dispose()
    {
        foreach (var batch in data) batch.Dispose();
        reducer?.Dispose();
        optimizer.Dispose();
        model.Dispose();
    }
}
