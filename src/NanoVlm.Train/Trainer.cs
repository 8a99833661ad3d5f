using System.Diagnostics;
using System.Text.Json;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Evaluation.Running;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Optimization;
using NanoVlm.Training.Distributed;
using Serilog;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace NanoVlm.Training;

/// <summary>
/// Trains a vision-language model: AdamW with a rate for each part, a schedule, accumulation, clipping; evaluation by generating answers; checkpoints
/// of the best and the last steps, from which it goes on as if nothing had happened.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private readonly RunConfig config;
    private readonly RunFolder? run; // rank 0's
    private readonly RankGroup? ranks;
    private readonly TrainingData data;
    private readonly ComputeChoice compute;
    private readonly SampleBuilder builder;
    private readonly VisionLanguageModel model;
    private readonly FusedAdamW optimizer;
    private readonly Dictionary<Parameter, string> names;
    private readonly ParameterShards? shards;
    private readonly WeightAverage? average;
    private readonly TrainingStep trainingStep;
    private readonly TrainingFlops flops;
    private readonly double peakFlops;
    private readonly TrainingEvaluation? evaluation; // rank 0's
    private readonly MetricsLog? metrics;
    private readonly CheckpointWriter? checkpoints;
    private readonly Stopwatch clock = new();
    private readonly string? from;
    private readonly TrainingState before;
    private TrainingState state;
    private LoaderState? loaded;
    private Batch? ahead; // of the next step, already on its way to the device
    private bool stopped;
    private int bestStep; // of the checkpoint that `best` points to
    private int saved;

    /// <summary>Prepares a run: everything that can be wrong is found here.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="compute">Where and in what precision it computes.</param>
    /// <param name="run">Where the run goes; null on all ranks but the first, which writes for all.</param>
    /// <param name="data">What to train on.</param>
    /// <param name="plan">Where the model comes from.</param>
    /// <param name="model">The model to train; the caller's.</param>
    /// <param name="from">The checkpoint to go on from; null: from the beginning.</param>
    /// <param name="ranks">The processes to train with; null: alone.</param>
    /// <exception cref="NanoVlmException">No image to whiten patches by can be read, or the checkpoint is not of this model and these parts.</exception>
    public Trainer(RunConfig config, ComputeChoice compute, RunFolder? run, TrainingData data, ModelPlan plan, VisionLanguageModel model, string? from = null, RankGroup? ranks = null)
    {
        (this.config, this.compute, this.run, this.data, this.model, this.from, this.ranks) = (config, compute, run, data, model, from, ranks);
        var processor = new ImageProcessor(plan.Processor);
        builder = new SampleBuilder(plan.Tokenizer, processor, plan.Architecture.MpImageTokenLength, TrainingData.Limits(config.Data));
        state = before = from is null ? new() : TrainingCheckpoint.State(from);
        bestStep = state.BestStep;
        saved = state.Step;

        manual_seed(config.Train.Seed);
        model.ComputeDtype = compute.Dtype;
        model.ActivationCheckpointing = config.Train.ActivationCheckpointing;
        if (from is not null) LoadWeights(from);
        else if (config.Model.Vision.PatchInitializer == PatchInitializer.Whiten) WhitenPatches();
        model.to(compute.Device);
        (var parts, var groups) = ParameterGroups.Of(model, config.Train);
        Parameter[] trained = [.. groups.SelectMany(g => g.Group.Parameters)];
        if (ranks is not null)
        {
            ranks.Broadcast("weights", model.parameters());
            manual_seed(config.Train.Seed + state.Step + ranks.Rank * 1_000_003L); // each rank drops out others
            if (config.Train.ShardOptimizer) shards = ParameterShards.Split(ranks, [.. groups.Select(g => g.Group)]);
        }
        names = model.named_parameters().ToDictionary(entry => entry.parameter, entry => entry.name, (IEqualityComparer<Parameter>)ReferenceEqualityComparer.Instance);
        optimizer = new FusedAdamW(groups.Select(g => g.Group));
        if (config.Train.OptimizerState == OptimizerState.Bf16) optimizer.StateDtype = ScalarType.BFloat16;
        average = config.Train.EmaDecay is { } decay && run is not null ? new WeightAverage(model, decay) : null;
        if (from is not null) LoadOptimizer(from, trained);
        trainingStep = new TrainingStep(model, optimizer, groups, config.Train, compute.Device, ranks, shards);
        evaluation = run is null ? null : new TrainingEvaluation(config, data, plan, model);
        if (run is not null)
        {
            metrics = new MetricsLog(run.File("metrics.jsonl"), state.Step, config.Train.Tensorboard ? run.File("tensorboard") : null);
            checkpoints = new CheckpointWriter(run, plan.Tokenizer, processor);
        }

        bool Trains(string part) => parts.Any(p => p.Name == part && p.Trainable > 0);
        flops = new TrainingFlops(model.Config, Trains("vision"), Trains("projector"), Trains("language"));
        peakFlops = MatmulRate.Measure(compute.Dtype, compute.Device);
        Log.Information("{Reason:l}, {Rate:0} GFLOP/s of {Dtype} matrix products measured", compute.Reason, peakFlops / 1e9, compute.Dtype);
        foreach (var line in ParameterGroups.Table(parts)) Log.Information("{Line:l}", line);
        Log.Information("{Train:N0} conversations to train on, {Validation:N0} to validate, {Test:N0} to test", data.Train.Sources.Sum(source => source.Count), data.Validation.Count, data.Test.Count);
        if (from is not null) Log.Information("going on from {Checkpoint:l}, step {Step:N0} of {Steps:N0}", from, state.Step, Steps);
    }

    private int Steps => Math.Min(config.Train.StopAtStep ?? config.Train.MaxSteps, config.Train.MaxSteps);

    /// <summary>Trains to the end, or until cancelled.</summary>
    /// <param name="display">Shows how it goes.</param>
    /// <param name="cancellation">Stops after the step in progress; the state is saved.</param>
    /// <returns>Whether it came to the end; false: it was cancelled, on this rank or another.</returns>
    /// <exception cref="NanoVlmException">Too many losses are not finite, data cannot be read, a checkpoint cannot be written, or a rank is lost.</exception>
    public bool Run(TrainingDisplay display, CancellationToken cancellation)
    {
        var train = config.Train;
        var steps = Steps;
        var (rank, worldSize) = (ranks?.Rank ?? 0, ranks?.Size ?? 1);
        var reading = TrainingData.Reading(config.Data, train.BatchSize) with { Rank = rank, WorldSize = worldSize };
        if (state.Loaders.Count > 0) reading = reading with { Start = LoaderState.Share(state.Loaders, data.Train, rank, worldSize) };
        loaded = reading.Start;
        using var loader = new DataLoader(data.Train, builder, reading, message => Log.Warning("{Message:l}", message));
        if (from is not null) TrainingCheckpoint.LoadRandom(from, rank); // last: nothing draws between here and the next step

        clock.Start();
        display.Track(steps, state.Step, () =>
        {
            // The evaluation that a stop came before.
            stopped = AnyStops(cancellation);
            if (state.Step > 0 && EvaluationIsDue && state.EvaluatedStep < state.Step && !stopped) Evaluate(cancellation);
            while (state.Step < steps && !stopped)
            {
                StepMetrics done;
                try
                {
                    done = Step(loader, cancellation);
                }
                catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
                {
                    stopped = true;
                    break;
                }
                var print = done.Step % train.LogEvery == 0 || done.Step == 1 || done.Step == steps;
                if (print) metrics?.Write(done);
                display.Step(done, steps, clock.Elapsed, before.Step, print);
                checkpoints?.Check();
                if (ranks is not null && train.CompareRanksEvery > 0 && done.Step % train.CompareRanksEvery == 0)
                    ParameterChecksum.Compare(ranks, model.named_parameters().Select(entry => (entry.name, (Tensor)entry.parameter)), done.Step);
                if ((EvaluationIsDue || done.Step == steps) && !stopped) Evaluate(cancellation);
                else if (done.Step % train.SaveEvery == 0) Save(false);
            }
            return true;
        });
        clock.Stop();
        if (stopped && saved < state.Step) Save(false);
        FinishSaving();
        if (!stopped) OnFirst("the test", () => Test(cancellation));
        return !stopped;
    }

    /// <summary>What it came to, after <see cref="Run"/> came to the end; null on all ranks but the first.</summary>
    public RunSummary? Summary { get; private set; }

    /// <summary>Answers of the tested checkpoint to some test questions, after <see cref="Run"/>.</summary>
    public IReadOnlyList<AnsweredItem> Samples { get; private set; } = [];

    /// <summary>Frees the optimizer's state and closes the files.</summary>
    public void Dispose()
    {
        checkpoints?.Dispose();
        metrics?.Dispose();
        trainingStep.Dispose();
        average?.Dispose();
        optimizer.Dispose();
    }

    private bool EvaluationIsDue => state.Step % config.Train.EvalEvery == 0 || state.Step == config.Train.MaxSteps;

    // Ranks stop together: after a step that all of them take.
    private bool AnyStops(CancellationToken cancellation) => ranks?.Any("stopping", cancellation.IsCancellationRequested) ?? cancellation.IsCancellationRequested;

    // Rank 0 alone; the others wait.
    private void OnFirst(string name, Action work)
    {
        if (ranks is null) work();
        else if (ranks.IsFirst)
        {
            ranks.Apart(() =>
            {
                work();
                return true;
            });
        }
        ranks?.Barrier(name);
    }

    // One optimizer step over train.gradient_accumulation batches.
    private StepMetrics Step(DataLoader loader, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        // Ranks that wait for each other cannot leave in the middle of a step.
        var batches = new Batch[config.Train.GradientAccumulation];
        for (var i = 0; i < batches.Length; i++) (batches[i], ahead) = (ahead ?? loader.Next(ranks is null ? cancellation : default)!, null);
        var waited = watch.Elapsed.TotalSeconds;
        var result = trainingStep.Run(state.Step, batches, () => ahead = loader.NextIfReady());
        if (result.Fault is null) average?.Update(state.Step + 1);
        var own = batches.SelectMany(batch => batch.Rows).SelectMany(row => row).ToArray();
        Span<double> totals =
        [
            own.Length, own.Sum(sample => sample.Tokens), own.Sum(sample => sample.Images),
            flops.Of(own.Select(sample => sample.Tokens), batches.Sum(batch => batch.Tiles), batches.Sum(batch => batch.LabelCount)), cancellation.IsCancellationRequested ? 1 : 0,
        ];
        ranks?.Sum("figures", totals);
        var (samples, tokens, images, operations) = ((int)totals[0], (int)totals[1], (int)totals[2], totals[3]);
        stopped = totals[4] > 0;
        loaded = batches[^1].State;
        var seconds = watch.Elapsed.TotalSeconds;
        state = state with
        {
            Step = state.Step + 1,
            Samples = state.Samples + samples,
            Tokens = state.Tokens + tokens,
            StepSeconds = state.StepSeconds + seconds,
            Loss = result.Fault is null ? result.Loss : state.Loss,
            SkippedSteps = state.SkippedSteps + (result.Fault is null ? 0 : 1),
            SkippedInARow = result.Fault is null ? 0 : state.SkippedInARow + 1,
        };
        if (result.Fault is not null && state.SkippedInARow > config.Train.MaxSkippedSteps)
            throw new NanoVlmException($"{result.Fault} It is number {state.SkippedInARow} in a row that is left out, more than train.max_skipped_steps allows.");
        if (result.Fault is not null) Log.Warning("{Fault:l} The step is left out: weights and optimizer are as they were.", result.Fault);
        return new StepMetrics
        {
            Step = state.Step,
            Loss = double.IsFinite(result.Loss) ? result.Loss : null,
            LearningRate = result.LearningRate,
            GradNorm = double.IsFinite(result.GradNorm) ? result.GradNorm : null,
            SamplesPerSecond = samples / seconds,
            TokensPerSecond = tokens / seconds,
            LabelsPerSecond = result.Labels / seconds,
            Samples = samples,
            Tokens = tokens,
            Images = images,
            Flops = operations,
            Mfu = operations / seconds / (peakFlops * (ranks?.Size ?? 1)),
            StepSeconds = seconds,
            DataSeconds = waited,
            ForwardSeconds = result.ForwardSeconds,
            BackwardSeconds = result.BackwardSeconds,
            OptimizerSeconds = result.OptimizerSeconds,
            SkippedSteps = state.SkippedSteps,
            LiveTensors = Tensor.TotalCount,
            RssBytes = Environment.WorkingSet,
        };
    }

    // The averages begin at the trained weights and take in what is stored; a file has both only where a run keeps an average.
    private void LoadWeights(string checkpoint)
    {
        var trained = Path.Combine(checkpoint, TrainingCheckpoint.TrainedWeightsFile);
        Checkpoint.LoadWeights(model, File.Exists(trained) ? trained : checkpoint, "decoder.", model.Config.LmTieWeights);
    }

    private void LoadOptimizer(string checkpoint, IReadOnlyList<Parameter> trained)
    {
        TrainingCheckpoint.LoadOptimizer(checkpoint, optimizer, trained, names);
        if (average is null || !File.Exists(Path.Combine(checkpoint, TrainingCheckpoint.TrainedWeightsFile))) return;
        average.Swap();
        Checkpoint.LoadWeights(model, checkpoint, "decoder.", model.Config.LmTieWeights);
        average.Swap();
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

    private void Evaluate(CancellationToken cancellation)
    {
        var better = false;
        OnFirst("the evaluation", () => better = Measure(cancellation));
        Save(better);
        stopped = AnyStops(cancellation);
    }

    // Whether the model is the best so far.
    private bool Measure(CancellationToken cancellation)
    {
        average?.Swap();
        var accuracy = evaluation!.Validate(state.Step, metrics!, cancellation);
        average?.Swap();
        if (accuracy is null) return false; // cancelled: it is done when the run goes on
        var better = !(accuracy <= state.BestAccuracy);
        if (better) bestStep = state.Step;
        // A run that stops early evaluates where the whole run would not: what goes on from here must not know.
        if (EvaluationIsDue) state = state with { EvaluatedStep = state.Step, BestAccuracy = better ? accuracy : state.BestAccuracy, BestStep = better ? state.Step : state.BestStep };
        return better;
    }

    private void Save(bool isBest)
    {
        var mine = JsonSerializer.SerializeToUtf8Bytes(loaded, Json.Indented);
        var loaders = (ranks?.Gather("where data stands", mine) ?? [mine]).Select(one => JsonSerializer.Deserialize<LoaderState>(one, Json.Indented)!);
        var now = state with { Seconds = before.Seconds + clock.Elapsed.TotalSeconds, Loaders = [.. loaders] };
        FinishSaving();
        if (TrainingSnapshot.Take(now, model, optimizer, names, average, ranks, shards) is { } snapshot)
            checkpoints!.Begin(now.Step, isBest, snapshot, trainingGoesOn: now.Step < Steps && !stopped);
        saved = now.Step;
    }

    // The checkpoint before is on the disk. The other ranks may come to wait for this one meanwhile, as long as the disk takes.
    private void FinishSaving()
    {
        if (checkpoints is null) return;
        if (ranks is null) checkpoints.Finish();
        else
        {
            ranks.Apart(() =>
            {
                checkpoints.Finish();
                return true;
            });
        }
    }

    private void Test(CancellationToken cancellation)
    {
        // The best checkpoint is the one that a user takes away: it is the one tested.
        Checkpoint.LoadWeights(model, Path.Combine(run!.Best, Checkpoint.WeightsFile), "decoder.", model.Config.LmTieWeights);
        Log.Information("testing the best checkpoint, step {Step}, with and without its images", bestStep);
        (var summary, Samples) = evaluation!.Test(run, compute, cancellation);
        Summary = summary with
        {
            BestStep = bestStep,
            Steps = state.Step,
            SkippedSteps = state.SkippedSteps,
            Parameters = model.parameters().Sum(p => p.numel()),
            TrainSeconds = before.Seconds + clock.Elapsed.TotalSeconds,
            SamplesPerSecond = state.Samples / state.StepSeconds,
            PeakRssBytes = PeakRss(),
            FinalLoss = state.Loss,
        };
    }

    private static long PeakRss()
    {
        using var process = Process.GetCurrentProcess();
        return Math.Max(process.PeakWorkingSet64, Environment.WorkingSet);
    }
}
