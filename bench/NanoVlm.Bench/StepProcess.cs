using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace NanoVlm.Bench;

/// <summary>What a process takes part in a measurement with: a model, a precision, a number of threads.</summary>
internal sealed record StepCase(string Model, string Precision, int Threads);

/// <summary>A training step in a process of its own, which waits until it is asked for some.</summary>
internal sealed class StepProcess : IDisposable
{
    private readonly Process process;
    private readonly string name;

    internal StepProcess(string name, string program, params string[] arguments)
    {
        this.name = name;
        // With the longer spinning that is OpenMP's default, a busy machine would measure how threads wait for each other.
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, Environment = { ["GOMP_SPINCOUNT"] = "10000" } };
        process = Process.Start(start)!;
        var ready = Read();
        (Version, Parameters) = (ready.GetProperty("torch").GetString()!, ready.GetProperty("parameters").GetInt64());
    }

    /// <summary>The libtorch or the PyTorch that computes.</summary>
    internal string Version { get; }

    internal long Parameters { get; }

    /// <summary>This program as a process.</summary>
    internal static StepProcess Own(string name, params string[] arguments) => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
        ? new(name, Environment.ProcessPath!, [typeof(StepProcess).Assembly.Location, .. arguments])
        : new(name, Environment.ProcessPath!, arguments);

    /// <summary>Runs some steps.</summary>
    internal StepRound Run(int steps)
    {
        var result = Ask(FormattableString.Invariant($"run {steps}"));
        return new StepRound(result.GetProperty("seconds_per_step").GetDouble(), result.GetProperty("processor_seconds_per_step").GetDouble(), result.GetProperty("peak_bytes").GetInt64());
    }

    /// <summary>The seconds of some decoding steps.</summary>
    internal double Decode(int context, int tokens, int rows) => Ask(FormattableString.Invariant($"run {context} {tokens} {rows}")).GetProperty("seconds").GetDouble();

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    /// <summary>The other end: warms up, and runs steps as standard input asks until it ends.</summary>
    /// <param name="version">Of libtorch.</param>
    /// <param name="parameters">The model's.</param>
    /// <param name="step">One step, by its number.</param>
    internal static void Serve(string version, long parameters, Action<int> step)
    {
        var done = 0;
        for (; done < 2; done++) step(done);
        Write(new { Ready = true, Torch = version, Parameters = parameters });
        while (Console.ReadLine()?.Split(' ') is ["run", var count])
        {
            var seconds = new double[int.Parse(count, CultureInfo.InvariantCulture)];
            var processor = Environment.CpuUsage.TotalTime;
            for (var i = 0; i < seconds.Length; i++, done++)
            {
                var start = Stopwatch.GetTimestamp();
                step(done);
                seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
            processor = Environment.CpuUsage.TotalTime - processor;
            Write(new { SecondsPerStep = Figures.Median(seconds), ProcessorSecondsPerStep = processor.TotalSeconds / seconds.Length, PeakBytes = Figures.PeakBytes() });
        }

        static void Write(object line) => Console.WriteLine(JsonSerializer.Serialize(line, snakeCase));
    }

    private static readonly JsonSerializerOptions snakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private JsonElement Ask(string line)
    {
        process.StandardInput.WriteLine(line);
        process.StandardInput.Flush();
        return Read();
    }

    private JsonElement Read() =>
        process.StandardOutput.ReadLine() is { } line
            ? JsonSerializer.Deserialize<JsonElement>(line)
            : throw new NanoVlmException($"The process of {name} ended early; what it says is above.");
}

/// <summary>Some steps of a side: the median of their seconds, the mean time of all processors, and the most memory that the process has had.</summary>
internal sealed record StepRound(double Seconds, double Processor, long PeakBytes);
