using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using NanoVlm.Configuration;
using NanoVlm.Evaluation;
using NanoVlm.Evaluation.Running;
using NanoVlm.Models;
using NanoVlm.Training.Distributed;
using NanoVlm.Weights;
using Serilog;
using Spectre.Console;

namespace NanoVlm.Training.Commands;

/// <summary><c>train</c>: trains, evaluates, saves; Ctrl-C saves and stops, <c>--resume</c> goes on.</summary>
internal static class TrainCommand
{
    internal static Command Create()
    {
        var command = new Command("train", "Train a model, evaluate it and save it (the default command)");
        AddTo(command);
        return command;
    }

    // Shared with the root: `nanovlm --config FILE` trains too.
    internal static void AddTo(Command command)
    {
        var config = new Option<string?>("--config") { Description = "The run's configuration; without it, the built-in one on rendered shapes", HelpName = "FILE" };
        var set = new Option<string[]>("--set") { Description = "Override a key, e.g. --set train.max_steps=100; may be repeated", HelpName = "KEY=VALUE", AllowMultipleArgumentsPerToken = true };
        var resume = new Option<string?>("--resume") { Description = "Go on with the latest run of the configuration, or with the run or the checkpoint in DIR", HelpName = "DIR", Arity = ArgumentArity.ZeroOrOne };
        var nproc = new Option<int?>("--nproc") { Description = "Train with N processes on this machine, which share its processors or take a CUDA device each", HelpName = "N" };
        command.Options.Add(config);
        command.Options.Add(set);
        command.Options.Add(resume);
        command.Options.Add(nproc);
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the memory that the run will take, and end" };
        command.Options.Add(dryRun);
        command.SetAction(result => result.GetValue(dryRun) ? DryRun.Run(result.GetValue(config), result.GetValue(set) ?? [])
            : result.GetValue(nproc) is { } count ? Launch(count)
            : Run(result.GetValue(config), result.GetValue(set) ?? [], result.GetResult(resume) is { Implicit: false } ? result.GetValue(resume) ?? "" : null));
    }

    private static int Launch(int count)
    {
        if (count < 1) throw new ConfigurationException("the command line", [new("--nproc", $"{count} is not a number of processes; give 1 or more")]);
        var arguments = Environment.GetCommandLineArgs().Skip(1).ToList();
        var at = arguments.FindIndex(argument => argument is "--nproc" || argument.StartsWith("--nproc=", StringComparison.Ordinal) || argument.StartsWith("--nproc:", StringComparison.Ordinal));
        arguments.RemoveRange(at, arguments[at] == "--nproc" ? 2 : 1);
        return LocalLaunch.RunThisProgram(count, arguments);
    }

    // resume: null: a new run; empty: the latest one.
    private static int Run(string? path, string[] overrides, string? resume)
    {
        var start = RunStart.Of(path, overrides, resume);
        var config = start.Config;
        if (config.Model.Tokenizer is not null && !System.IO.Path.Exists(config.Model.Tokenizer))
            throw new ConfigurationException(start.Source, [new("model.tokenizer", $"'{config.Model.Tokenizer}' is neither a file nor a folder; name a folder that holds tokenizer.json")]);
        var place = RankEnvironment.Read();
        var compute = ComputeChoice.For(config.Train, place?.LocalRank);
        using var interrupted = new CancellationTokenSource();
        using var display = new TrainingDisplay(quiet: place is { Rank: > 0 });
        using var onInterrupt = LocalLaunch.IsChild ? Ignored(PosixSignal.SIGINT) : OnSignal(PosixSignal.SIGINT, interrupted);
        using var onTerminate = OnSignal(PosixSignal.SIGTERM, interrupted);
        RankGroup? ranks = null;
        try
        {
            ranks = RankGroup.Join(place);
            return Train(start, resume is not null, compute, ranks, display, interrupted.Token);
        }
        catch (OperationCanceledException)
        {
            ranks?.Fail("it was interrupted");
            return Interrupted(start.Folder);
        }
        catch (NanoVlmException e)
        {
            ranks?.Fail(e.Message);
            if (interrupted.IsCancellationRequested && ranks is { IsFirst: false }) return 130; // the first rank was quicker to leave, and says so
            Log.Error("{Message:l}", e.Message); // also in the run's log.txt
            return 1;
        }
        finally
        {
            ranks?.Dispose();
        }
    }

    private static int Train(RunStart start, bool resumes, ComputeChoice compute, RankGroup? ranks, TrainingDisplay display, CancellationToken interrupted)
    {
        var config = start.Config;
        ranks?.Agree("configuration", config.ToJson());
        var downloads = new DownloadDisplay();
        var plan = Apart(() => ModelPlan.Of(config, (named, key) => System.IO.Directory.Exists(named)
            ? named
            : downloads.Track(() => ModelFolder.Resolve(named, key, progress: downloads, cancellation: interrupted))));
        using var model = Apart(() => plan.Build(config.Train.Seed));
        var result = TrainingRun.Train(start, resumes, compute, ranks, display, plan, model, interrupted);
        if (!result.Finished) return ranks is null or { IsFirst: true } ? Interrupted(start.Folder) : 130;
        if (result.Summary is not null) Show(result.Summary, result.Samples, start.Folder);
        return 0;

        T Apart<T>(Func<T> work) => ranks is null ? work() : ranks.Apart(work);
    }

    private static int Interrupted(string folder)
    {
        Log.Warning("stopped; what was trained so far is in {Folder:l}; go on with --resume {Folder:l}", folder, folder);
        return 130;
    }

    // The first signal asks for a stop after the step in progress; a second one leaves at once.
    private static PosixSignalRegistration OnSignal(PosixSignal signal, CancellationTokenSource interrupted) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        if (interrupted.IsCancellationRequested) Environment.Exit(130);
        Log.Warning("stopping after this step; once more to leave at once");
        interrupted.Cancel();
    });

    private static PosixSignalRegistration Ignored(PosixSignal signal) => PosixSignalRegistration.Create(signal, context => context.Cancel = true);

    private static void Show(RunSummary summary, IReadOnlyList<AnsweredItem> samples, string folder)
    {
        var output = StandardOutput.Open();
        var table = new Table().Border(TableBorder.Simple).AddColumn("accuracy").AddColumns("test", "blind", "majority");
        foreach (var column in table.Columns.Skip(1)) column.RightAligned();
        foreach (var kind in summary.TestAccuracyByKind.Keys)
            table.AddRow(kind, Percent(summary.TestAccuracyByKind[kind]), Percent(summary.BlindAccuracyByKind[kind]), Percent(summary.MajorityAccuracyByKind[kind]));
        table.AddRow("all", Percent(summary.TestAccuracy), Percent(summary.BlindAccuracy), Percent(summary.MajorityAccuracy));
        output.Write(table);

        var answers = new Table().Border(TableBorder.Simple).AddColumns("image", "question", "answer", "right answer", "");
        foreach (var sample in samples)
            answers.AddRow(
                Markup.Escape(string.Join(' ', sample.Item.Images.Select(image => System.IO.Path.GetFileName(image.Name)))), Markup.Escape(sample.Item.Question),
                Markup.Escape(sample.Result.Answer.Trim()), Markup.Escape(sample.Item.Reference.Answers[0]), sample.Result.Score == 1 ? "ok" : "wrong");
        output.Write(answers);
        output.Write(new Spectre.Console.Text(string.Create(CultureInfo.InvariantCulture,
            $"{summary.Steps} steps in {summary.TrainSeconds:0} s, {summary.SamplesPerSecond:0} samples/s, {summary.PeakRssBytes / 1048576.0:0} MiB at most\nbest checkpoint: {System.IO.Path.Combine(folder, "best")}\nreport: {System.IO.Path.Combine(folder, RunReport.FileName)}\n")));
    }

    private static string Percent(double share) => share.ToString("P1", CultureInfo.InvariantCulture);
}
