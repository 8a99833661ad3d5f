using System.Text.Json;
using NanoVlm.Configuration;
using NanoVlm.Evaluation.Running;
using NanoVlm.Models;
using NanoVlm.Training.Distributed;
using Serilog;

namespace NanoVlm.Training;

/// <summary>What a run came to.</summary>
/// <param name="Folder">Its folder: <c>best</c> and <c>last</c> in it are checkpoints.</param>
/// <param name="Finished">Whether it came to its end; false: it was cancelled, and saved.</param>
/// <param name="Summary">Its figures; null where it is not finished, and on all ranks but the first.</param>
/// <param name="Samples">Answers to some test questions, where it finished now.</param>
public sealed record TrainingResult(string Folder, bool Finished, RunSummary? Summary, IReadOnlyList<AnsweredItem> Samples);

/// <summary>A run as <c>nanovlm train</c> does it, from code: the data, the run's folder, training, the test of the best checkpoint, the report.</summary>
public static class TrainingRun
{
    /// <summary>Trains a model. What goes on is told on standard error and in the run's <c>log.txt</c>. Started by torchrun or the like, it is one rank of several.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="plan">What the model was made by: <see cref="ModelPlan.Of"/> of the configuration.</param>
    /// <param name="model">The model, the caller's: <see cref="ModelPlan.Build"/>, or that and changes to it. It ends with the weights that were tested.</param>
    /// <param name="resume">Whether to go on where <c>train.run_name</c> (or the latest run) stopped; a run without a checkpoint begins.</param>
    /// <param name="cancellation">Stops after the step in progress; the state is saved.</param>
    /// <exception cref="NanoVlmException">The folder holds another run, data cannot be read, a checkpoint cannot be written, too many losses are not finite, or
    /// a rank is lost.</exception>
    public static TrainingResult Train(RunConfig config, ModelPlan plan, VisionLanguageModel model, bool resume = false, CancellationToken cancellation = default)
    {
        var start = RunStart.Of(config, "code", "run", resume);
        var place = RankEnvironment.Read();
        var compute = ComputeChoice.For(config.Train, place?.LocalRank);
        using var display = new TrainingDisplay(quiet: place is { Rank: > 0 });
        using var ranks = RankGroup.Join(place);
        try
        {
            ranks?.Agree("configuration", config.ToJson());
            return Train(start, resume, compute, ranks, display, plan, model, cancellation);
        }
        catch (Exception e)
        {
            ranks?.Fail(e.Message);
            throw;
        }
    }

    internal static TrainingResult Train(
        RunStart start, bool resumes, ComputeChoice compute, RankGroup? ranks, TrainingDisplay display, ModelPlan plan, VisionLanguageModel model, CancellationToken cancellation)
    {
        var config = start.Config;
        TrainingEvaluation.RequireKnown(config);

        // The first rank writes for all, and says where to go on from.
        var first = ranks is null or { IsFirst: true };
        using var run = first ? new RunFolder(start.Folder, config.Train.KeepLast, resumes) : null;
        if (run is not null) display.LogTo(run.File("log.txt"));
        var from = run is null ? null : start.Checkpoint(run);
        var finished = run is not null && from is not null && TrainingCheckpoint.State(from).Step >= config.Train.MaxSteps && File.Exists(run.File("summary.json"));
        if (ranks?.Any("a finished run", finished) ?? finished)
        {
            if (first) Log.Information("{Folder:l} is finished: step {Step:N0} of {Steps:N0}, tested; raise train.max_steps to go on", start.Folder, TrainingCheckpoint.State(from!).Step, config.Train.MaxSteps);
            return new TrainingResult(start.Folder, true, run is null ? null : JsonSerializer.Deserialize<RunSummary>(File.ReadAllText(run.File("summary.json")), Json.Indented), []);
        }
        if (ranks is not null) from = ranks.FromFirst("the checkpoint", from is null ? "" : Path.GetFullPath(from)) is { Length: > 0 } shared ? shared : null;
        run?.WriteJson("run.json", RunRecord.Of(config, start.Source, compute, from is null ? null : run.File("run.json"), from));

        using var data = Data();
        using var trainer = new Trainer(config, compute, run, data, plan, model, from, ranks);
        if (!trainer.Run(display, cancellation)) return new TrainingResult(start.Folder, false, null, []);
        if (run is null || trainer.Summary is not { } summary) return new TrainingResult(start.Folder, true, null, []);
        run.WriteJson("summary.json", summary);
        RunReport.Write(run, summary, trainer.Samples);
        return new TrainingResult(start.Folder, true, summary, trainer.Samples);

        // Rendering or downloading is done once on a machine's disk before the others open it.
        TrainingData Data()
        {
            var opened = first ? Apart(Open) : null;
            ranks?.Barrier("the data");
            return opened ?? Apart(Open);
        }

        TrainingData Open() => TrainingData.Open(config.Data, message => Log.Information("{Message:l}", message), cancellation);

        T Apart<T>(Func<T> work) => ranks is null ? work() : ranks.Apart(work);
    }
}
