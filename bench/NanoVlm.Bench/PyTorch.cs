using System.Diagnostics;
using System.Globalization;

namespace NanoVlm.Bench;

/// <summary>The Python that has PyTorch, where there is one.</summary>
internal static class PyTorch
{
    /// <summary>Whether there is one.</summary>
    internal static bool IsHere => Python is not null;

    // Debian's python3-torch belongs to /usr/bin/python3, which need not be the first on PATH.
    private static string? Python { get; } = new[] { "python3", "/usr/bin/python3" }.FirstOrDefault(HasTorch);

    /// <summary>Starts and warms up its training step.</summary>
    internal static StepProcess Step(StepCase of) => new("PyTorch", Python!,
        Path.Combine(AppContext.BaseDirectory, "pytorch_step.py"), "--pause", "--model", of.Model, "--dtype", of.Precision, "--threads", of.Threads.ToString(CultureInfo.InvariantCulture));

    /// <summary>Starts and warms up its decoder.</summary>
    internal static StepProcess Decoder(string model, int threads) => new("PyTorch", Python!,
        Path.Combine(AppContext.BaseDirectory, "pytorch_decode.py"), "--model", model, "--threads", threads.ToString(CultureInfo.InvariantCulture));

    private static bool HasTorch(string python)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(python) { ArgumentList = { "-c", "import torch" }, RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
