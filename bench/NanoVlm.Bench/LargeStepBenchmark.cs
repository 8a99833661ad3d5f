using System.Globalization;
using System.Text.Json;

namespace NanoVlm.Bench;

/// <summary>
/// One training step of nanoVLM's 222M model, 4 rows of 128 tokens in float32 with AdamW, here and in PyTorch: each in a process of its own, by turns.
/// </summary>
internal static class LargeStepBenchmark
{
    private static readonly JsonSerializerOptions json = new(JsonSerializerOptions.Web) { WriteIndented = true };

    internal static void Run(int rounds, int threads, bool asJson)
    {
        var sizes = StepSizes.NanoVlm222M;
        Console.Error.WriteLine($"{rounds} rounds of a step each, {sizes.Batch} rows of {sizes.Tokens} tokens, threads: {threads}; ratio: PyTorch's / ours");
        using var ours = StepProcess.Ours("step-222m", "--serve", "--threads", threads.ToString(CultureInfo.InvariantCulture));
        using var theirs = StepProcess.PyTorch(sizes.Name, "fp32", threads) ?? throw new NanoVlmException("python3 has no PyTorch to compare with (Debian: apt-get install python3-torch).");
        if (ours.Parameters != theirs.Parameters) throw new NanoVlmException($"The models differ: {ours.Parameters:N0} parameters here, {theirs.Parameters:N0} in PyTorch.");
        var (here, there) = (new List<(double Seconds, double Processor, long PeakBytes)>(), new List<(double Seconds, double Processor, long PeakBytes)>());
        for (var round = 0; round < rounds; round++)
        {
            here.Add(ours.Run(1));
            there.Add(theirs.Run(1));
        }
        var result = new LargeStepResult(ours.Parameters, threads, rounds, Side(here), Side(there),
            new Ratio(here.Zip(there, (a, b) => b.Seconds / a.Seconds)), new Ratio(here.Zip(there, (a, b) => b.Processor / a.Processor)),
            (double)there.Max(r => r.PeakBytes) / here.Max(r => r.PeakBytes));
        Console.WriteLine(asJson ? JsonSerializer.Serialize(result, json) : string.Create(CultureInfo.InvariantCulture, $"""
            {result.Parameters:N0} parameters         NanoVlm   PyTorch {theirs.Version}   ratio
            seconds a step              {result.NanoVlm.Seconds,10:F2}{result.PyTorch.Seconds,10:F2}       {result.Time.Median:F2} ({result.Time.Minimum:F2} to {result.Time.Maximum:F2})
            processor seconds a step    {result.NanoVlm.ProcessorSeconds,10:F2}{result.PyTorch.ProcessorSeconds,10:F2}       {result.Processor.Median:F2} ({result.Processor.Minimum:F2} to {result.Processor.Maximum:F2})
            most memory, MiB            {result.NanoVlm.PeakBytes / 1048576.0,10:F0}{result.PyTorch.PeakBytes / 1048576.0,10:F0}       {result.Memory:F2}
            """));

        static LargeStepSide Side(IReadOnlyList<(double Seconds, double Processor, long PeakBytes)> rounds) =>
            new(StepBenchmark.Median(rounds.Select(r => r.Seconds)), StepBenchmark.Median(rounds.Select(r => r.Processor)), rounds.Max(r => r.PeakBytes));
    }
}

/// <summary>The step on both sides; ratios are PyTorch's / ours.</summary>
internal sealed record LargeStepResult(long Parameters, int Threads, int Rounds, LargeStepSide NanoVlm, LargeStepSide PyTorch, Ratio Time, Ratio Processor, double Memory);

/// <summary>Medians over the rounds, and the most memory that the process has had.</summary>
internal sealed record LargeStepSide(double Seconds, double ProcessorSeconds, long PeakBytes);
