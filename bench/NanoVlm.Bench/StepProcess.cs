using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace NanoVlm.Bench;

/// <summary>A training step in a process of its own, which waits until it is asked for some: PyTorch's, of pytorch_step.py, or ours.</summary>
internal sealed class StepProcess : IDisposable
{
    private readonly Process process;

    private StepProcess(ProcessStartInfo start)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        // As in this process (ThreadWaiting.cs): else, on a busy machine, the ratio would measure how OpenMP waits.
        start.Environment.TryAdd("GOMP_SPINCOUNT", "10000");
        process = Process.Start(start)!;
        var ready = Read();
        (Version, Parameters) = (ready.GetProperty("torch").GetString()!, ready.GetProperty("parameters").GetInt64());
    }

    internal string Version { get; }

    internal long Parameters { get; }

    /// <summary>Starts and warms up PyTorch's; null when no Python here has it.</summary>
    internal static StepProcess? PyTorch(string model, string precision, int threads) => Python is null ? null : new(new ProcessStartInfo(Python)
    {
        ArgumentList = { Path.Combine(AppContext.BaseDirectory, "pytorch_step.py"), "--pause", "--model", model, "--dtype", precision, "--threads", threads.ToString(CultureInfo.InvariantCulture) },
    });

    /// <summary>Starts and warms up PyTorch's decoder; null when no Python here has it.</summary>
    internal static StepProcess? Decoder(string model, int threads) => Python is null ? null : new(new ProcessStartInfo(Python)
    {
        ArgumentList = { Path.Combine(AppContext.BaseDirectory, "pytorch_decode.py"), "--model", model, "--threads", threads.ToString(CultureInfo.InvariantCulture) },
    });

    /// <summary>The seconds of some decoding steps.</summary>
    internal double Decode(int context, int tokens, int rows)
    {
        process.StandardInput.WriteLine(FormattableString.Invariant($"run {context} {tokens} {rows}"));
        process.StandardInput.Flush();
        return Read().GetProperty("seconds").GetDouble();
    }

    /// <summary>Starts and warms up ours: this program with the arguments.</summary>
    internal static StepProcess Ours(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!);
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(StepProcess).Assembly.Location);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return new StepProcess(start);
    }

    /// <summary>Runs some steps.</summary>
    /// <returns>The median of their seconds, the mean of the processor time of all threads, and the most memory that the process has had.</returns>
    internal (double Seconds, double Processor, long PeakBytes) Run(int steps)
    {
        process.StandardInput.WriteLine(FormattableString.Invariant($"run {steps}"));
        process.StandardInput.Flush();
        var result = Read();
        return (result.GetProperty("seconds_per_step").GetDouble(), result.GetProperty("processor_seconds_per_step").GetDouble(), result.GetProperty("peak_bytes").GetInt64());
    }

    /// <summary>The other end: runs steps as standard input asks until it ends.</summary>
    internal static void Serve(TrainingStep step)
    {
        for (var i = 0; i < 2; i++) step.Run(i);
        Write(new { Ready = true, Torch = TorchSharp.torch.__version__, step.Parameters });
        for (var done = 2; Console.ReadLine()?.Split(' ') is ["run", var count];)
        {
            var steps = int.Parse(count, CultureInfo.InvariantCulture);
            var (seconds, processor) = StepBenchmark.Time(step, done, steps);
            Write(new { SecondsPerStep = seconds, ProcessorSecondsPerStep = processor, PeakBytes = PeakBytes() });
            done += steps;
        }

        static void Write(object line) => Console.WriteLine(JsonSerializer.Serialize(line, snakeCase));
    }

    /// <summary>The most memory this process has had, by Linux.</summary>
    internal static long PeakBytes() =>
        1024 * long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    private static readonly JsonSerializerOptions snakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

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

    private JsonElement Read() =>
        process.StandardOutput.ReadLine() is { } line
            ? JsonSerializer.Deserialize<JsonElement>(line)
            : throw new NanoVlmException("A measured process ended early; what it says is above.");
}
