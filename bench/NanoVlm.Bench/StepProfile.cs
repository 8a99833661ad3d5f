using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>Where our step's time goes.</summary>
internal static class StepProfile
{
    internal static void Print(string precision, int steps)
    {
        using var step = new TrainingStep(StepSizes.Tiny, precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32);
        for (var i = 0; i < 3; i++) step.Run(i);
        var parts = new Dictionary<string, List<double>>();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var made = DisposeScopeManager.Statistics.CreatedInScopeCount + DisposeScopeManager.Statistics.CreatedOutsideScopeCount;
        for (var i = 0; i < steps; i++)
        {
            var start = Stopwatch.GetTimestamp();
            step.Run(i, part =>
            {
                if (!parts.TryGetValue(part, out var times)) parts[part] = times = [];
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                start = Stopwatch.GetTimestamp();
            });
        }
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / steps;
        made = DisposeScopeManager.Statistics.CreatedInScopeCount + DisposeScopeManager.Statistics.CreatedOutsideScopeCount - made;
        Console.WriteLine(FormattableString.Invariant($"{precision}: median of {steps} steps; a step makes {made / steps} tensors here and {allocated >> 10} KiB of managed memory"));
        foreach (var (part, times) in parts)
            Console.WriteLine(FormattableString.Invariant($"  {part,-10} {Figures.Median([.. times]),8:F2} ms, at best {times.Min(),8:F2}"));
    }
}
