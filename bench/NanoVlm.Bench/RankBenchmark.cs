using System.Diagnostics;
using System.Globalization;
using NanoVlm.Training.Distributed;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>Samples a second of several processes of one thread, beside one such process, by turns.</summary>
internal static class RankBenchmark
{
    internal static void Run(string precision, int processes, int rounds, double seconds)
    {
        var figures = new Dictionary<int, List<double>> { [1] = [], [processes] = [] };
        for (var round = 0; round < rounds; round++)
            foreach (var (count, found) in figures)
            {
                var file = Path.GetTempFileName();
                string[] arguments = ["ranks", "--precision", precision, "--seconds", seconds.ToString(CultureInfo.InvariantCulture), "--result", file];
                if (LocalLaunch.RunThisProgram(count, arguments) != 0) throw new NanoVlmException($"{count} processes did not end well.");
                found.Add(double.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture));
                File.Delete(file);
            }
        var (one, several) = (Median(figures[1]), Median(figures[processes]));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{precision}: 1 process {one:0} samples/s, {processes} processes {several:0} samples/s, {several / one:0.00} times as many (medians of {rounds} rounds of {seconds:0.#} s)"));

        static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
    }

    internal static void Train(string precision, double seconds, string file)
    {
        set_num_threads(1);
        using var ranks = RankGroup.Join(RankEnvironment.Read());
        using var step = new TrainingStep(StepSizes.Tiny, precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32, ranks: ranks);
        var number = 0;
        for (; number < 3; number++) step.Run(number);
        ranks?.Barrier("start");
        var watch = Stopwatch.StartNew();
        var done = 0;
        while (Goes())
        {
            step.Run(number++);
            done++;
        }
        if (ranks is null or { IsFirst: true }) File.WriteAllText(file, (done * StepSizes.Tiny.Batch * (ranks?.Size ?? 1) / watch.Elapsed.TotalSeconds).ToString(CultureInfo.InvariantCulture));
        ranks?.Barrier("end");

        // Rank 0's clock counts for all.
        bool Goes() => ranks is null ? watch.Elapsed.TotalSeconds < seconds : !ranks.Any("stop", ranks.IsFirst && watch.Elapsed.TotalSeconds >= seconds);
    }
}
