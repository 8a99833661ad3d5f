using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Weights;

namespace NanoVlm.Training.Commands;

/// <summary><c>data</c>: reads a run's training data as the trainer would and says what is in it.</summary>
internal static class DataCommand
{
    internal static Command Create()
    {
        var config = new Option<string?>("--config") { Description = "The run's configuration; without it, the built-in one on rendered shapes", HelpName = "FILE" };
        var set = new Option<string[]>("--set") { Description = "Override a key, e.g. --set data.packing=true; may be repeated", HelpName = "KEY=VALUE", AllowMultipleArgumentsPerToken = true };
        var limit = new Option<long?>("--limit") { Description = "Stop after so many samples; without it, after an epoch", HelpName = "N" };
        var show = new Option<int>("--show") { Description = "Print the first N rows token by token; with --output, write their tiles too", HelpName = "N" };
        var output = new Option<string?>("--output") { Description = $"A folder for {DataPage.FileName}, a page with pictures, and the tiles", HelpName = "DIR" };
        var command = new Command("data", "Show what a run trains on: counts, lengths, labels, packing, speed, rows token by token") { config, set, limit, show, output };
        command.SetAction(result => Run(result.GetValue(config), result.GetValue(set) ?? [], result.GetValue(limit) ?? long.MaxValue, result.GetValue(show), result.GetValue(output)));
        return command;
    }

    private static int Run(string? path, string[] overrides, long limit, int show, string? output)
    {
        const int pictured = 12; // rows on the page
        var config = RunConfig.Load(path, overrides);
        using var interrupted = new CancellationTokenSource();
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            if (interrupted.IsCancellationRequested) Environment.Exit(130);
            interrupted.Cancel();
        });
        var downloads = new DownloadDisplay();
        var plan = ModelPlan.Of(config, (named, key) => Directory.Exists(named)
            ? named
            : downloads.Track(() => ModelFolder.Resolve(named, key, progress: downloads, cancellation: interrupted.Token)));
        using var data = TrainingData.Open(config.Data, Console.Error.WriteLine, interrupted.Token);
        var builder = new SampleBuilder(plan.Tokenizer, new ImageProcessor(plan.Processor), plan.Architecture.MpImageTokenLength, TrainingData.Limits(config.Data));
        using var loader = new DataLoader(data.Train, builder, TrainingData.Reading(config.Data, config.Train.BatchSize) with { Epochs = 1 }, Console.Error.WriteLine);
        var statistics = new DataStatistics(data.Train, config.Data.Packing ? config.Data.MaxTokens : null);
        var rows = new List<ShownRow>();
        var watch = Stopwatch.StartNew();
        try
        {
            while (statistics.Samples < limit && loader.Next(interrupted.Token) is { } batch)
            {
                statistics.Add(batch);
                for (var row = 0; row < batch.Size && rows.Count < Math.Max(show, output is null ? 0 : pictured); row++)
                    rows.Add(ShownRow.Of(batch, row, plan.Tokenizer, plan.Processor));
            }
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("stopped; what follows is of the samples read so far");
        }
        var counts = loader.Counts;
        var (facts, warnings) = (statistics.Facts(counts, watch.Elapsed.TotalSeconds), statistics.Warnings(counts));

        foreach (var row in rows.Take(show)) Console.Out.WriteLine(row.ToText());
        var wide = facts.Max(fact => fact.Name.Length);
        foreach (var (name, value) in facts) Console.Out.WriteLine($"{name.PadRight(wide)}  {value}");
        Console.Out.WriteLine();
        Console.Out.WriteLine(statistics.Lengths.ToText());
        Console.Out.WriteLine(statistics.Tiles.ToText());
        foreach (var warning in warnings) Console.Error.WriteLine($"warning: {warning}");
        if (output is not null) Write(output, Path.GetFileNameWithoutExtension(path ?? "shapes"), facts, warnings, statistics, rows, show);
        return interrupted.IsCancellationRequested ? 130 : 0;
    }

    private static void Write(
        string folder, string name, IReadOnlyList<(string, string)> facts, IReadOnlyList<string> warnings, DataStatistics statistics, List<ShownRow> rows, int show)
    {
        try
        {
            Directory.CreateDirectory(folder);
            foreach (var (number, row) in rows.Take(show).Index())
                foreach (var (tile, picture) in row.Tiles.Index())
                    File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"row{number + 1:000}-tile{tile + 1:00}.png")), ImageCodec.EncodePng(picture));
            var page = Path.Combine(folder, DataPage.FileName);
            File.WriteAllText(page, DataPage.Of(name, facts, warnings, statistics, rows));
            Console.Out.WriteLine($"page: {page}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"--output {folder} cannot be written: {e.Message}", e);
        }
    }
}
