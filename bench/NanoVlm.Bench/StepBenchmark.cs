using System.Diagnostics;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>The training step here and in PyTorch, by turns: what disturbs the machine for a while disturbs both.</summary>
internal static class StepBenchmark
{
    private const int WarmUp = 3, LeastRounds = 3;

    // bfloat16 without hardware for it takes PyTorch 15 seconds a step: rounds end early then.
    private static readonly TimeSpan limit = TimeSpan.FromMinutes(1);

    internal static void Run(string[] precisions, int rounds, int steps, int threads, bool json)
    {
        Console.Error.WriteLine($"up to {rounds} rounds of {steps} steps each, threads: {threads}, libtorch {__version__}; ratio: PyTorch's time / ours");
        foreach (var precision in precisions)
        {
            var result = Measure(precision, rounds, steps, threads);
            Console.WriteLine(json ? JsonSerializer.Serialize(result, JsonSerializerOptions.Web) : Text(result));
        }
    }

    internal static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static StepResult Measure(string precision, int rounds, int steps, int threads)
    {
        using var peer = StepProcess.PyTorch("tiny", precision, threads);
        if (peer is null) Console.Error.WriteLine("python3 has no PyTorch (Debian: apt-get install python3-torch): our side alone");
        using var step = new TrainingStep(StepSizes.Tiny, precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32);
        if (peer is not null && peer.Parameters != step.Parameters)
            throw new NanoVlmException($"The models differ: {step.Parameters:N0} parameters here, {peer.Parameters:N0} in PyTorch.");
        for (var i = 0; i < WarmUp; i++) step.Run(i);
        var (tensors, memory) = (Tensor.TotalCount, Environment.WorkingSet);

        var ours = new List<(double Seconds, double Processor)>();
        var theirs = new List<(double Seconds, double Processor)>();
        var clock = Stopwatch.StartNew();
        for (var round = 0; round < rounds && (round < LeastRounds || clock.Elapsed < limit); round++)
        {
            ours.Add(Time(step, round * steps, steps));
            if (peer?.Run(steps) is { } measured) theirs.Add((measured.Seconds, measured.Processor));
        }
        return new StepResult(
            precision, step.Parameters, threads, ours.Count, peer?.Version, new Side(ours), peer is null ? null : new Side(theirs),
            peer is null ? null : new Ratio(ours.Zip(theirs, (a, b) => b.Seconds / a.Seconds)),
            peer is null ? null : new Ratio(ours.Zip(theirs, (a, b) => b.Processor / a.Processor)),
            tensors, Tensor.TotalCount, memory, Environment.WorkingSet);
    }

    /// <summary>The median of some steps' seconds, and the mean of the processor time of all threads.</summary>
    internal static (double Seconds, double Processor) Time(TrainingStep step, int number, int steps)
    {
        var seconds = new double[steps];
        var processor = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < steps; i++)
        {
            var start = Stopwatch.GetTimestamp();
            step.Run(number + i);
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return (Median(seconds), (Environment.CpuUsage.TotalTime - processor).TotalSeconds / steps);
    }

    private static string Text(StepResult result)
    {
        var text = FormattableString.Invariant($"{result.Precision}: NanoVlm {result.NanoVlm.Seconds * 1e3:F1} ms");
        if (result is { PyTorch: { } peer, Ratio: { } ratio, ProcessorRatio: { } processor })
            text += FormattableString.Invariant($", PyTorch {result.PyTorchVersion} {peer.Seconds * 1e3:F1} ms, ratio {ratio.Median:F2} ({ratio.Minimum:F2} to {ratio.Maximum:F2}) over {result.Rounds} rounds\n")
                + FormattableString.Invariant($"      processor time {result.NanoVlm.ProcessorSeconds * 1e3:F1} and {peer.ProcessorSeconds * 1e3:F1} ms, ratio {processor.Median:F2} ({processor.Minimum:F2} to {processor.Maximum:F2})");
        return text + FormattableString.Invariant(
            $"\n      live tensors {result.TensorsBefore} -> {result.TensorsAfter}, resident {result.ResidentBefore >> 20} -> {result.ResidentAfter >> 20} MiB");
    }
}

/// <summary>The step in one precision. The ratios are PyTorch's time / ours, in wall time and in the time of all processors.</summary>
internal sealed record StepResult(
    string Precision, long Parameters, int Threads, int Rounds, string? PyTorchVersion, Side NanoVlm, Side? PyTorch, Ratio? Ratio, Ratio? ProcessorRatio,
    long TensorsBefore, long TensorsAfter, long ResidentBefore, long ResidentAfter);

/// <summary>Medians over the rounds, of wall time and of the time of all processors.</summary>
internal sealed record Side(double Seconds, double ProcessorSeconds)
{
    internal Side(IReadOnlyList<(double Seconds, double Processor)> rounds) :
        this(StepBenchmark.Median(rounds.Select(r => r.Seconds)), StepBenchmark.Median(rounds.Select(r => r.Processor)))
    {
    }
}

/// <summary>The rounds' ratios.</summary>
internal sealed record Ratio(double Median, double Minimum, double Maximum)
{
    internal Ratio(IEnumerable<double> rounds) : this(StepBenchmark.Median(rounds), rounds.Min(), rounds.Max())
    {
    }
}
