using System.Diagnostics;

namespace NanoVlm.Shared;

/// <summary>Whether time grows with the input. A limit in seconds would be one of the machine and of what else runs on it.</summary>
public static class Growth
{
    private const int Factor = 8, Tries = 6;

    /// <summary>
    /// Fails when an input takes far more than eight times as long as an eighth of it: what takes a step for every pair of characters takes 64 times as long, what takes one
    /// for each, 8 times. The best of some tries counts, as a busy machine disturbs some of them.
    /// </summary>
    /// <param name="length">Of the input.</param>
    /// <param name="action">Works on an input of the length it is told, another one at each try.</param>
    public static void AssertLinear(int length, Action<int, int> action)
    {
        action(length / Factor, -1); // a first use compiles
        var seen = new List<double>();
        for (var number = 0; number < Tries; number++)
        {
            var part = Seconds(length / Factor, number);
            seen.Add(Seconds(length, number) / Math.Max(part, 1e-3));
            if (seen[^1] < 3 * Factor) return;
        }
        Assert.Fail($"{Factor} times the input took {string.Join(", ", seen.Select(ratio => $"{ratio:F0}"))} times as long");

        double Seconds(int size, int number)
        {
            var start = Stopwatch.GetTimestamp();
            action(size, number);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }
}
