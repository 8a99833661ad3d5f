using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace NanoVlm.Bench;

/// <summary>The same step in PyTorch: pytorch_step.py in a process of its own, which waits while we run.</summary>
internal sealed class PyTorchPeer : IDisposable
{
    private readonly Process process;

    private PyTorchPeer(Process process, string version, long parameters) => (this.process, Version, Parameters) = (process, version, parameters);

    internal string Version { get; }

    internal long Parameters { get; }

    /// <summary>Starts and warms up the peer; null when no Python here has PyTorch.</summary>
    internal static PyTorchPeer? Start(string precision, int threads)
    {
        if (Python is null) return null;
        var start = new ProcessStartInfo(Python)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "pytorch_step.py"), "--pause", "--dtype", precision, "--threads", threads.ToString(CultureInfo.InvariantCulture) },
        };
        // As in this process (ThreadWaiting.cs): else, on a busy machine, the ratio would measure how OpenMP waits.
        start.Environment.TryAdd("GOMP_SPINCOUNT", "10000");
        var process = Process.Start(start)!;
        var ready = Read(process);
        return new PyTorchPeer(process, ready.GetProperty("torch").GetString()!, ready.GetProperty("parameters").GetInt64());
    }

    /// <summary>Runs some steps.</summary>
    /// <returns>The median of their seconds, and the mean of the processor time of all threads.</returns>
    internal (double Seconds, double Processor) Run(int steps)
    {
        process.StandardInput.WriteLine(FormattableString.Invariant($"run {steps}"));
        process.StandardInput.Flush();
        var result = Read(process);
        return (result.GetProperty("seconds_per_step").GetDouble(), result.GetProperty("processor_seconds_per_step").GetDouble());
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    // Debian's python3-torch belongs to /usr/bin/python3, which need not be the first on PATH.
    private static string? Python { get; } = new[] { "python3", "/usr/bin/python3" }.FirstOrDefault(HasTorch);

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

    private static JsonElement Read(Process process) =>
        process.StandardOutput.ReadLine() is { } line
            ? JsonSerializer.Deserialize<JsonElement>(line)
            : throw new NanoVlmException("pytorch_step.py ended early; what it says is above.");
}
