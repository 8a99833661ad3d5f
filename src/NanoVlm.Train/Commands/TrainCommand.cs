using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using NanoVlm.Configuration;
using NanoVlm.Evaluation;
using NanoVlm.Models;
using NanoVlm.Weights;
using Serilog;
using Spectre.Console;

namespace NanoVlm.Training.Commands;

/// <summary><c>train</c>: trains, evaluates, saves; Ctrl-C saves and stops.</summary>
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
        command.Options.Add(config);
        command.Options.Add(set);
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the memory that the run will take, and end" };
        command.Options.Add(dryRun);
        command.SetAction(result => result.GetValue(dryRun)
            ? DryRun.Run(result.GetValue(config), result.GetValue(set) ?? [])
            : Run(result.GetValue(config), result.GetValue(set) ?? []));
    }

    private static int Run(string? path, string[] overrides)
    {
        var config = RunConfig.Load(path, overrides);
        if (config.Model.Tokenizer is not null && !System.IO.Path.Exists(config.Model.Tokenizer))
            throw new ConfigurationException(path ?? "the built-in configuration", [new("model.tokenizer", $"'{config.Model.Tokenizer}' is neither a file nor a folder; name a folder that holds tokenizer.json")]);
        var compute = ComputeChoice.For(config.Train);
        using var interrupted = new CancellationTokenSource();
        using var display = new TrainingDisplay();
        using var onInterrupt = OnSignal(PosixSignal.SIGINT, interrupted);
        using var onTerminate = OnSignal(PosixSignal.SIGTERM, interrupted);

        var name = config.Train.RunName ?? string.Create(CultureInfo.InvariantCulture,
            $"{System.IO.Path.GetFileNameWithoutExtension(path ?? "shapes")}-{DateTime.Now:yyyyMMdd-HHmmss}");
        try
        {
            var downloads = new DownloadDisplay();
            var plan = ModelPlan.Of(config, (named, key) => System.IO.Directory.Exists(named)
                ? named
                : downloads.Track(() => ModelFolder.Resolve(named, key, progress: downloads, cancellation: interrupted.Token)));
            using var model = plan.Build(config.Train.Seed);
            var run = new RunFolder(System.IO.Path.Combine(config.Train.OutputDir, name), config.Train.KeepLast);
            display.LogTo(run.File("log.txt"));
            run.WriteJson("run.json", RunRecord.Of(config, path, compute));
            using var data = TrainingData.Open(config.Data, message => Log.Information("{Message:l}", message), interrupted.Token);
            using var trainer = new Trainer(config, compute, run, data, plan, model);
            var summary = trainer.Run(display, interrupted.Token);
            if (summary is null) return Interrupted(run.Path);
            run.WriteJson("summary.json", summary);
            Show(summary, trainer.Samples, run);
            RunReport.Write(run, summary, trainer.Samples);
            return 0;
        }
        catch (OperationCanceledException)
        {
            return Interrupted(System.IO.Path.Combine(config.Train.OutputDir, name));
        }
        catch (NanoVlmException e)
        {
            Log.Error("{Message:l}", e.Message); // also in the run's log.txt
            return 1;
        }
    }

    private static int Interrupted(string folder)
    {
        Log.Warning("stopped; what was trained so far is in {Folder:l}", folder);
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

    private static void Show(RunSummary summary, IReadOnlyList<Prediction> samples, RunFolder run)
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
                Markup.Escape(string.Join(' ', sample.Question.Images.Select(image => System.IO.Path.GetFileName(image.Name)))), Markup.Escape(sample.Question.Text),
                Markup.Escape(sample.Answer), Markup.Escape(sample.Question.Answer), sample.Correct ? "ok" : "wrong");
        output.Write(answers);
        output.Write(new Spectre.Console.Text(string.Create(CultureInfo.InvariantCulture,
            $"{summary.Steps} steps in {summary.TrainSeconds:0} s, {summary.SamplesPerSecond:0} samples/s, {summary.PeakRssBytes / 1048576.0:0} MiB at most\nbest checkpoint: {run.Best}\nreport: {run.File(RunReport.FileName)}\n")));
    }

    private static string Percent(double share) => share.ToString("P1", CultureInfo.InvariantCulture);
}
