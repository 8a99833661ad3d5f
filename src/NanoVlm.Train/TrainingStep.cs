using System.Diagnostics;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Models;
using NanoVlm.Optimization;
using NanoVlm.Training.Distributed;
using TorchSharp;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>What an optimizer step came to.</summary>
/// <param name="Loss">Mean cross-entropy over the labelled tokens of all its batches.</param>
/// <param name="GradNorm">The gradients' norm before clipping.</param>
/// <param name="LearningRate">The largest of the groups' rates.</param>
/// <param name="Labels">Labelled tokens.</param>
/// <param name="ForwardSeconds">Time of the forward passes.</param>
/// <param name="BackwardSeconds">Time of the backward passes.</param>
/// <param name="OptimizerSeconds">Time of clipping and the optimizer.</param>
/// <param name="Fault">Why the weights were left as they were: the loss or a gradient is not finite, and where that begins; null: all is well.</param>
internal sealed record StepResult(double Loss, double GradNorm, double LearningRate, long Labels, double ForwardSeconds, double BackwardSeconds, double OptimizerSeconds, string? Fault);

/// <summary>
/// One optimizer step over several batches of all ranks: the loss is the mean over the labelled tokens of all of them. Where it, or a gradient, is not
/// finite, the weights and the optimizer stay as they were.
/// </summary>
internal sealed class TrainingStep : IDisposable
{
    private const int SamplesNamed = 8;

    private readonly VisionLanguageModel model;
    private readonly FusedAdamW optimizer;
    private readonly IReadOnlyList<(AdamW.ParamGroup Group, double PeakRate)> groups;
    private readonly IReadOnlyList<Parameter> trained;
    private readonly TrainSection train;
    private readonly Device device;
    private readonly RankGroup? ranks;
    private readonly ParameterShards? shards;
    private readonly GradientReducer? reducer;
    private readonly BatchCopies copies;

    /// <param name="model">The model.</param>
    /// <param name="optimizer">Its optimizer; with shards, of this rank's parameters.</param>
    /// <param name="groups">The optimizer's groups and their highest rates.</param>
    /// <param name="train">The schedule and the clipping.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="ranks">The other processes, or null.</param>
    /// <param name="shards">Which rank steps which parameters; null: each steps all.</param>
    internal TrainingStep(
        VisionLanguageModel model, FusedAdamW optimizer, IReadOnlyList<(AdamW.ParamGroup Group, double PeakRate)> groups, TrainSection train, Device device, RankGroup? ranks = null, ParameterShards? shards = null)
    {
        (this.model, this.optimizer, this.groups, this.train, this.device, this.ranks, this.shards) = (model, optimizer, groups, train, device, ranks, shards);
        trained = shards?.Parameters ?? [.. optimizer.parameters()];
        copies = new BatchCopies(device);
        reducer = ranks is null ? null : new GradientReducer(ranks, model.named_parameters());
    }

    /// <summary>Takes the step.</summary>
    /// <param name="step">Its number, from 0.</param>
    /// <param name="batches">Its micro-batches.</param>
    /// <param name="ahead">Gives the first batch of the next step where it is there already: it may come to the device during this one.</param>
    /// <exception cref="NanoVlmException">No token has a label.</exception>
    internal StepResult Run(int step, IReadOnlyList<Batch> batches, Func<Batch?>? ahead = null)
    {
        var labels = (long)Total("labels", batches.Sum(batch => batch.LabelCount));
        if (labels == 0) throw new NanoVlmException($"Step {step + 1}: no token of the batch has a label; is data.max_tokens too small for the first answer?");
        using var scope = NewDisposeScope();
        model.train();
        // Nothing reads the state of CUDA's random numbers, so a run that goes on could not restore it: each step begins from a seed of its own.
        if (device.type == DeviceType.CUDA) cuda.manual_seed_all(unchecked(((long)train.Seed * 1_000_003 + (ranks?.Rank ?? 0)) * 1_000_003 + step) & long.MaxValue);
        var factor = LearningRate.Factor(step, train);
        foreach (var (group, peak) in groups) group.LearningRate = peak * factor;

        var (loss, norm) = (0.0, double.NaN);
        var (forward, backward, optimizing) = (new Stopwatch(), new Stopwatch(), new Stopwatch());
        string? fault = null;
        for (var i = 0; i < batches.Count; i++)
        {
            var batch = batches[i];
            using var inner = NewDisposeScope();
            var inputs = copies.Of(batch);
            forward.Start();
            var sum = model.Loss(inputs.InputIds, inputs.PixelValues, inputs.Labels, layout: inputs.Layout).Sum;
            var value = sum.to(ScalarType.Float64).item<double>(); // waits for the device
            forward.Stop();
            loss += value / labels;
            if (!double.IsFinite(value)) fault ??= Fault(step, $"the loss is {value}", [batch], inputs);
            if (fault is not null && ranks is null) break; // other ranks wait for this one's gradients, whatever they are
            backward.Start();
            (sum / scalar(labels)).backward();
            backward.Stop();
            if (copies.ComeAhead && (i + 1 < batches.Count ? batches[i + 1] : ahead?.Invoke()) is { } next) copies.Begin(next);
        }
        backward.Start();
        reducer?.Sum();
        backward.Stop();
        loss = Total("loss", loss);
        if (!double.IsFinite(loss)) fault ??= $"Step {step + 1}: the loss of another rank is not finite, which says more.";
        if (fault is null)
        {
            optimizing.Start();
            norm = GradientNorm.Measure(trained);
            if (double.IsFinite(norm)) Update(train.MaxGradNorm > 0 ? Math.Min(1, train.MaxGradNorm / (norm + 1e-6)) : 1);
            else fault = Fault(step, $"the gradient's norm is {norm}", batches, null);
            optimizing.Stop();
        }
        model.zero_grad();
        return new StepResult(loss, norm, groups.Max(g => g.PeakRate) * factor, labels, forward.Elapsed.TotalSeconds, backward.Elapsed.TotalSeconds, optimizing.Elapsed.TotalSeconds, fault);
    }

    /// <summary>Frees the gradients' buckets.</summary>
    public void Dispose()
    {
        copies.Dispose();
        reducer?.Dispose();
    }

    private void Update(double gradScale)
    {
        optimizer.step(gradScale);
        shards?.Share();
    }

    private double Total(string name, double value) => ranks?.Sum(name, value) ?? value;

    private string Fault(int step, string what, IReadOnlyList<Batch> batches, BatchTensors? inputs)
    {
        var samples = batches.SelectMany(batch => batch.Origins).Distinct().ToArray();
        var named = string.Join("; ", samples.Take(SamplesNamed)) + (samples.Length > SamplesNamed ? $"; and {samples.Length - SamplesNamed} more" : "");
        return $"Step {step + 1}: {what}. {NonFinite.FirstIn(model, inputs)} Its samples: {named}.";
    }
}
