using System.Globalization;

namespace NanoVlm.Bench;

/// <summary>What is made of measurements.</summary>
internal static class Figures
{
    internal static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>The most memory this process has had: Linux's VmHWM; elsewhere the most that .NET has seen.</summary>
    internal static long PeakBytes() => OperatingSystem.IsLinux()
        ? 1024 * long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)
        : System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64;
}

/// <summary>The rounds' ratios.</summary>
internal sealed record Ratio(double Median, double Minimum, double Maximum)
{
    internal Ratio(IEnumerable<double> rounds) : this(Figures.Median(rounds), rounds.Min(), rounds.Max())
    {
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Median:F2} ({Minimum:F2} to {Maximum:F2})");
}
