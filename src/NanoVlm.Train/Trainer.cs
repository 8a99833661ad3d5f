using System.Diagnostics;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Evaluation;
using NanoVlm.Images;
using NanoVlm.Language;
using NanoVlm.Layers;
using NanoVlm.Models;
using NanoVlm.Text;
using Serilog;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>
/// Trains a vision-language model: AdamW with a rate for each part, warm-up and cosine, accumulation, clipping; evaluation by
/// generating answers; checkpoints of the best and the last step.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly RunConfig config;
    private readonly RunFolder run;
    private readonly TrainingData data;
    private readonly ComputeChoice compute;
    private readonly Tokenizer tokenizer;
    private readonly ImageProcessor processor;
    private readonly SampleBuilder builder;
    private readonly VisionLanguageModel model;
    private readonly AdamW optimizer;
    private readonly IReadOnlyList<(AdamW.ParamGroup Group, double PeakRate)> groups;
    private readonly AnswerEvaluator evaluator;
    private readonly MetricsLog metrics;
    private IReadOnlyList<Question>? validation;
    private long samples;
    private double best = double.NegativeInfinity;
    private int bestStep;

    /// <summary>Prepares a run: everything that can be wrong is found here.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="compute">Where and in what precision it computes.</param>
    /// <param name="run">Where the run goes.</param>
    /// <param name="data">What to train on.</param>
    /// <param name="plan">Where the model comes from.</param>
    /// <param name="model">The model to train; the caller's.</param>
    /// <exception cref="NanoVlmException">No image to whiten patches by can be read.</exception>
    public Trainer(RunConfig config, ComputeChoice compute, RunFolder run, TrainingData data, ModelPlan plan, VisionLanguageModel model)
    {
        (this.config, this.compute, this.run, this.data, this.model) = (config, compute, run, data, model);
        tokenizer = plan.Tokenizer;
        processor = new ImageProcessor(plan.Processor);
        builder = new SampleBuilder(tokenizer, processor, plan.Architecture.MpImageTokenLength, TrainingData.Limits(config.Data));

        manual_seed(config.Train.Seed);
        model.ComputeDtype = compute.Dtype;
        model.ActivationCheckpointing = config.Train.ActivationCheckpointing;
        if (config.Train.ActivationCheckpointing != ActivationCheckpointing.None && !ActivationCheckpoint.Available)
            Log.Warning("train.activation_checkpointing does nothing in this build: all activations are kept");
        if (config.Model.Vision.PatchInitializer == PatchInitializer.Whiten) WhitenPatches();
        model.to(compute.Device);
        (var parts, groups) = ParameterGroups.Of(model, config.Train);
        optimizer = optim.AdamW(groups.Select(g => g.Group));
        if (config.Train.OptimizerState == OptimizerState.Bf16) Kernels.KeepMoments(optimizer, ScalarType.BFloat16);
        evaluator = new AnswerEvaluator(model, tokenizer, builder, compute.Device, config.Eval.BatchSize);
        metrics = new MetricsLog(run.File("metrics.jsonl"));

        Log.Information("{Reason:l}", compute.Reason);
        foreach (var part in parts)
            Log.Information("{Part,-10:l} {Parameters,12:N0} parameters, {Rate:l}", part.Name, part.Parameters,
                part.PeakRate > 0 ? FormattableString.Invariant($"peak learning rate {part.PeakRate:0.#e+0}") : "frozen");
        Log.Information("{Train:N0} conversations to train on, {Validation:N0} to validate, {Test:N0} to test", data.Train.Sources.Sum(source => source.Count), data.Validation.Count, data.Test.Count);
    }

    /// <summary>Trains to the end, or until cancelled.</summary>
    /// <param name="display">Shows how it goes.</param>
    /// <param name="cancellation">Stops after the step in progress; the state is saved.</param>
    /// <returns>The result; null when cancelled.</returns>
    /// <exception cref="NanoVlmException">The loss is not a number, data cannot be read, or a checkpoint cannot be written.</exception>
    public RunSummary? Run(TrainingDisplay display, CancellationToken cancellation)
    {
        var train = config.Train;
        var steps = Math.Min(train.StopAtStep ?? train.MaxSteps, train.MaxSteps);
        using var loader = new DataLoader(data.Train, builder, TrainingData.Reading(config.Data, train.BatchSize), message => Log.Warning("{Message:l}", message));

        var clock = Stopwatch.StartNew();
        var training = Stopwatch.StartNew();
        StepMetrics? last = null;
        var done = 0;
        display.Track(steps, 0, () =>
        {
            while (done < steps && !cancellation.IsCancellationRequested)
            {
                training.Start();
                try
                {
                    last = Step(done, loader, cancellation);
                }
                catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
                {
                    break;
                }
                training.Stop();
                done++;
                var print = done % train.LogEvery == 0 || done == 1 || done == steps;
                if (print) metrics.Write(last);
                display.Step(last, steps, clock.Elapsed, print);
                var evaluates = done % train.EvalEvery == 0 || done == steps;
                if (evaluates && !cancellation.IsCancellationRequested) Evaluate(done, cancellation);
                else if (done % train.SaveEvery == 0) Save(done, false);
            }
            return true;
        });
        if (cancellation.IsCancellationRequested)
        {
            if (done > 0) Save(done, false);
            return null;
        }
        clock.Stop();
        return Summarize(done, last!, clock.Elapsed.TotalSeconds, training.Elapsed.TotalSeconds, cancellation);
    }

    /// <summary>Answers of the tested checkpoint to some test questions, after <see cref="Run"/>.</summary>
    public IReadOnlyList<Prediction> Samples { get; private set; } = [];

    /// <summary>Frees the optimizer's state and closes the files.</summary>
    public void Dispose()
    {
        metrics.Dispose();
        optimizer.Dispose();
    }

    // One optimizer step over train.gradient_accumulation batches. The loss is the mean over the labels of all of them.
    private StepMetrics Step(int step, DataLoader loader, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var watch = Stopwatch.StartNew();
        var batches = Enumerable.Range(0, config.Train.GradientAccumulation).Select(_ => loader.Next(cancellation)!).ToArray();
        var waited = watch.Elapsed.TotalSeconds;
        var labels = batches.Sum(batch => batch.LabelCount);
        if (labels == 0) throw new NanoVlmException($"Step {step + 1}: no token of the batch has a label; is data.max_tokens too small for the first answer?");

        model.train();
        var factor = LearningRate.Factor(step, config.Train);
        foreach (var (group, peak) in groups) group.LearningRate = peak * factor;
        var loss = 0.0;
        foreach (var batch in batches)
        {
            using var inner = NewDisposeScope();
            var sum = Loss(batch);
            loss += sum.ToDouble() / labels;
            (sum / labels).backward();
        }
        if (!double.IsFinite(loss)) throw new NanoVlmException($"Step {step + 1}: the loss is {loss}. {FirstBad()}");
        var norm = nn.utils.clip_grad_norm_(optimizer.parameters(), config.Train.MaxGradNorm > 0 ? config.Train.MaxGradNorm : double.PositiveInfinity);
        if (!double.IsFinite(norm)) throw new NanoVlmException($"Step {step + 1}: the gradient's norm is {norm}. {FirstBad()}");
        optimizer.step();
        model.zero_grad();
        samples += batches.Sum(b => b.SampleCount);
        var seconds = watch.Elapsed.TotalSeconds;
        return new StepMetrics(
            step + 1, loss, groups.Max(g => g.PeakRate) * factor, norm, batches.Sum(b => b.SampleCount) / seconds, batches.Sum(b => b.TokenCount) / seconds, labels / seconds, waited, Tensor.TotalCount, Environment.WorkingSet);
    }

    private void WhitenPatches()
    {
        const int images = 400;
        using var scope = NewDisposeScope();
        var samples = data.Train.FromStart().Take((int)Math.Min(images, data.Train.EpochLength)).Select(Readable).OfType<Sample>().ToArray();
        var tiles = samples.Sum(sample => sample.Tiles);
        if (tiles == 0) throw new NanoVlmException($"None of the first {images} conversations has a readable image to whiten patches by; set model.vision.patch_initializer to normal.");
        PatchWhitening.Apply(model, tensor(samples.SelectMany(sample => sample.Pixels).ToArray(), [tiles, 3, builder.TileSize, builder.TileSize]), config.Train.Seed);
    }

    // The loader counts and names what cannot be read; here it is left out.
    private Sample? Readable(Func<RawSample> read)
    {
        try
        {
            return builder.Build(read());
        }
        catch (NanoVlmException)
        {
            return null;
        }
    }

    private Tensor Loss(Batch batch)
    {
        var device = compute.Device;
        var ids = tensor(batch.InputIds, [batch.Size, batch.Length], device: device);
        var labels = tensor(batch.Labels, [batch.Size, batch.Length], device: device);
        var pixels = batch.Tiles == 0 ? null : tensor(batch.Pixels, [batch.Tiles, 3, batch.TileSize, batch.TileSize], device: device);
        var layout = batch.Layout is not { } rows ? null : new RowLayout(
            tensor(rows.Positions, [batch.Size, batch.Length], device: device), tensor(rows.Documents, [batch.Size, batch.Length], device: device), rows.LastPosition);
        return model.Loss(ids, pixels, labels, layout: layout).Sum;
    }

    private void Evaluate(int step, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        validation ??= Question.Askable(data.Validation, builder, config.Train.EvalLimit, LeftOut);
        var questions = validation;
        Accuracy accuracy;
        try
        {
            accuracy = Accuracy.Of(evaluator.Ask(questions, cancellation: cancellation));
        }
        catch (OperationCanceledException)
        {
            return;
        }
        metrics.Write(new EvaluationMetrics(step, accuracy.Overall, accuracy.ByKind, accuracy.Questions, watch.Elapsed.TotalSeconds));
        Log.Information("step {Step}: validation accuracy {Accuracy:P1} over {Questions} questions ({Kinds:l})", step, accuracy.Overall, accuracy.Questions,
            string.Join(", ", accuracy.ByKind.Select(kind => FormattableString.Invariant($"{kind.Key} {kind.Value:P0}"))));
        Save(step, accuracy.Overall > best);
        if (accuracy.Overall <= best) return;
        best = accuracy.Overall;
        bestStep = step;
    }

    private void Save(int step, bool isBest) => run.Save(step, isBest, folder =>
    {
        Checkpoint.Save(folder, model, tokenizer, processor);
        File.WriteAllText(Path.Combine(folder, "trainer_state.json"), System.Text.Json.JsonSerializer.Serialize(new { Step = step, BestStep = isBest ? step : bestStep }, Json.Indented) + "\n");
    });

    private RunSummary Summarize(int steps, StepMetrics last, double seconds, double trainingSeconds, CancellationToken cancellation)
    {
        // The best checkpoint is the one that a user takes away: it is the one tested.
        Checkpoint.LoadWeights(model, Path.Combine(run.Best, Checkpoint.WeightsFile), "decoder.", model.Config.LmTieWeights);
        var questions = Question.Askable(data.Test.Count > 0 ? data.Test : data.Validation, builder, config.Eval.Limit, LeftOut);
        Log.Information("testing the best checkpoint, step {Step}, on {Questions:N0} questions, with and without their images", bestStep, questions.Count);
        var predictions = evaluator.Ask(questions, cancellation: cancellation);
        var (test, blind, majority) = (Accuracy.Of(predictions), Accuracy.Of(evaluator.Ask(questions, blind: true, cancellation)), Accuracy.OfMajority(questions));
        // Eight from all over the set, no two about one image.
        var distinct = predictions.GroupBy(p => p.Question.Images.FirstOrDefault()).Select((image, i) => image.ElementAt(i % image.Count())).ToArray();
        Samples = [.. Enumerable.Range(0, Math.Min(8, distinct.Length)).Select(i => distinct[i * distinct.Length / Math.Min(8, distinct.Length)])];
        return new RunSummary
        {
            TestAccuracy = test.Overall,
            BlindAccuracy = blind.Overall,
            MajorityAccuracy = majority.Overall,
            TestAccuracyByKind = test.ByKind,
            BlindAccuracyByKind = blind.ByKind,
            MajorityAccuracyByKind = majority.ByKind,
            TestQuestions = questions.Count,
            BestStep = bestStep,
            Steps = steps,
            Parameters = model.parameters().Sum(p => p.numel()),
            TrainSeconds = seconds,
            SamplesPerSecond = samples / trainingSeconds,
            PeakRssBytes = PeakRss(),
            FinalLoss = last.Loss,
        };
    }

    private static void LeftOut(string why) => Log.Warning("left out of the questions: {Why:l}", why);

    private string FirstBad()
    {
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (!parameter.isfinite().all().ToBoolean()) return $"The first bad tensor is {name}; lower the learning rates or use precision fp32.";
            if (parameter.grad is { } gradient && !gradient.isfinite().all().ToBoolean()) return $"The first bad gradient is {name}'s; lower the learning rates or use precision fp32.";
        }
        return "All weights are finite; look at the data of this step, or use precision fp32.";
    }

    private static long PeakRss()
    {
        using var process = Process.GetCurrentProcess();
        return Math.Max(process.PeakWorkingSet64, Environment.WorkingSet);
    }
}
