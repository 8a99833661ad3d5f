using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>
/// The training step of this library beside other ways to take it: the same model in plain TorchSharp, another checkout of this repository, PyTorch. Each side is a process
/// of its own; they take turns, so that what disturbs the machine for a while disturbs all.
/// </summary>
internal static class StepBenchmark
{
    private const int LeastRounds = 3;

    // bfloat16 without instructions for it can take a side seconds a step: rounds end early then.
    private static readonly TimeSpan limit = TimeSpan.FromMinutes(2);

    /// <summary>Measures every combination and prints each when it is done.</summary>
    internal static void Run(IReadOnlyList<StepCase> cases, OtherCheckout? against, int? rounds, int? steps, bool json)
    {
        if (!json) Console.Error.WriteLine("A side's ratio is its time by ours, round by round: 2.00 took twice as long.");
        if (!PyTorch.IsHere) Console.Error.WriteLine("python3 has no PyTorch (Debian: apt-get install python3-torch): measured without it.");
        foreach (var one in cases)
        {
            var large = one.Model != StepSizes.Tiny.Name;
            var result = Measure(one, against, rounds ?? (large ? 3 : 10), steps ?? (large ? 2 : 3), oneAtATime: large);
            if (json) Console.WriteLine(JsonSerializer.Serialize(result, JsonSerializerOptions.Web));
            else Print(result);
        }
    }

    /// <summary>Runs our step or plain TorchSharp's in this process, as standard input asks.</summary>
    internal static void Serve(string model, string precision, bool plain)
    {
        var sizes = StepSizes.Find(model);
        var dtype = precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32;
        if (plain)
        {
            using var theirs = new PlainStep(sizes, dtype);
            StepProcess.Serve(__version__, theirs.Parameters, number => theirs.Run(number));
            return;
        }
        using var step = new TrainingStep(sizes, dtype);
        var (counted, live) = (0, 0L);
        StepProcess.Serve(__version__, step.Parameters, number =>
        {
            step.Run(number);
            // A step that leaves a tensor alive is a bug: this ends the process.
            if (++counted == 2) live = Tensor.TotalCount;
            else if (Tensor.TotalCount > live && counted > 2) throw new NanoVlmException($"Step {number} left {Tensor.TotalCount - live} tensors alive.");
        });
    }

    private static StepResult Measure(StepCase of, OtherCheckout? against, int rounds, int steps, bool oneAtATime)
    {
        string[] serve = ["serve", "--model", of.Model, "--precision", of.Precision, "--threads", of.Threads.ToString(CultureInfo.InvariantCulture)];
        var sides = new List<(string Name, Func<StepProcess> Start)>
        {
            ("NanoVlm", () => StepProcess.Own("NanoVlm", serve)),
            ("plain TorchSharp", () => StepProcess.Own("plain TorchSharp", [.. serve, "--plain"])),
        };
        if (against is not null) sides.Add((against.Name, () => against.Step(of)));
        if (PyTorch.IsHere) sides.Add(("PyTorch", () => PyTorch.Step(of)));

        var running = new StepProcess?[sides.Count];
        var versions = new string[sides.Count];
        var measured = sides.Select(_ => new List<StepRound>()).ToArray();
        var (parameters, clock) = (0L, Stopwatch.StartNew());
        try
        {
            for (var round = 0; round < rounds && (round < LeastRounds || clock.Elapsed < limit); round++)
                for (var i = 0; i < sides.Count; i++)
                {
                    var process = running[i] ??= sides[i].Start();
                    versions[i] = process.Version;
                    if (i == 0) parameters = process.Parameters;
                    else if (process.Parameters != parameters) throw new NanoVlmException($"The models differ: {parameters:N0} parameters here, {process.Parameters:N0} in {sides[i].Name}.");
                    measured[i].Add(process.Run(steps));
                    if (!oneAtATime) continue;
                    process.Dispose(); // memory has no room for all of them
                    running[i] = null;
                }
        }
        finally
        {
            foreach (var process in running) process?.Dispose();
        }
        return new StepResult(of.Model, of.Precision, of.Threads, parameters, measured[0].Count, steps, [.. sides.Select((side, i) => new StepSide(
            side.Name, versions[i], Figures.Median(measured[i].Select(round => round.Seconds)), Figures.Median(measured[i].Select(round => round.Processor)), measured[i].Max(round => round.PeakBytes),
            new Ratio(measured[i].Zip(measured[0], (theirs, ours) => theirs.Seconds / ours.Seconds)), new Ratio(measured[i].Zip(measured[0], (theirs, ours) => theirs.Processor / ours.Processor))))]);
    }

    private static void Print(StepResult result)
    {
        var sizes = StepSizes.Find(result.Model);
        Console.WriteLine(FormattableString.Invariant(
            $"{result.Model}, {result.Precision}, threads: {result.Threads}; {result.Parameters:N0} parameters, {sizes.Batch} rows of {sizes.Tokens} tokens; {result.Rounds} rounds of {result.Steps} steps"));
        Console.WriteLine($"  {"",-28}{"ms a step",11}  {"ratio",-24}{"processor ms",13}  {"ratio",-24}{"peak MiB",9}");
        foreach (var side in result.Sides)
            Console.WriteLine(FormattableString.Invariant(
                $"  {$"{side.Name} ({side.Torch})",-28}{side.Seconds * 1e3,11:F1}  {side.Ratio,-24}{side.ProcessorSeconds * 1e3,13:F1}  {side.ProcessorRatio,-24}{side.PeakBytes >> 20,9}"));
    }
}

/// <summary>The step of one model in one precision with some threads.</summary>
internal sealed record StepResult(string Model, string Precision, int Threads, long Parameters, int Rounds, int Steps, IReadOnlyList<StepSide> Sides);

/// <summary>Medians over the rounds, in wall time and in the time of all processors; the ratios are this side's / ours.</summary>
internal sealed record StepSide(string Name, string Torch, double Seconds, double ProcessorSeconds, long PeakBytes, Ratio Ratio, Ratio ProcessorRatio);
