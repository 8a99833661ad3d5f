using System.Globalization;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Spectre.Console;

namespace NanoVlm.Training;

/// <summary>
/// What a person sees while a run trains, on standard error: a bar with loss, rate, speed and time left on a terminal, plain
/// lines elsewhere. Log messages go above the bar and to the run's <c>log.txt</c>.
/// </summary>
public sealed class TrainingDisplay : IDisposable
{
    private readonly IAnsiConsole console;
    private readonly bool live;
    private ProgressTask? bar;
    private string figures = "";

    /// <summary>A display for this process.</summary>
    /// <param name="live">Whether to draw a bar; by default when standard error is a terminal.</param>
    public TrainingDisplay(bool? live = null)
    {
        console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        this.live = live ?? (!Console.IsErrorRedirected && console.Profile.Capabilities.Interactive);
        Log.Logger = Configured(null);
    }

    /// <summary>Also writes the log to a file from here on.</summary>
    public void LogTo(string path) => Log.Logger = Configured(path);

    /// <summary>Shows the bar, where there is one, while something runs.</summary>
    /// <param name="steps">The steps of the whole run.</param>
    /// <param name="done">The steps done before.</param>
    /// <param name="run">What runs.</param>
    public T Track<T>(int steps, int done, Func<T> run)
    {
        if (!live) return run();
        return console.Progress().AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new FiguresColumn(this))
            .Start(context =>
            {
                bar = context.AddTask("training", maxValue: steps);
                bar.Value = done;
                try
                {
                    return run();
                }
                finally
                {
                    bar = null;
                }
            });
    }

    /// <summary>Takes in a step's figures.</summary>
    public void Step(StepMetrics step, int steps, TimeSpan elapsed, bool print)
    {
        figures = string.Create(CultureInfo.InvariantCulture, $"loss {step.Loss:0.0000}  lr {step.LearningRate:0.00e+0}  {step.SamplesPerSecond:0} samples/s");
        if (bar is not null) bar.Value = step.Step;
        if (!print) return;
        var left = elapsed.TotalSeconds / step.Step * (steps - step.Step);
        var line = string.Create(CultureInfo.InvariantCulture, $"step {step.Step}/{steps}  {figures}  {TimeSpan.FromSeconds(left):h\\:mm\\:ss} left");
        if (live) Log.Debug("{Line:l}", line);
        else Log.Information("{Line:l}", line);
    }

    /// <summary>Writes out the log.</summary>
    public void Dispose() => Log.CloseAndFlush();

    private Logger Configured(string? file)
    {
        const string template = "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}";
        var configuration = new LoggerConfiguration().MinimumLevel.Debug();
        configuration = live
            ? configuration.WriteTo.Sink(new AboveTheBar(console), LogEventLevel.Information)
            : configuration.WriteTo.Console(LogEventLevel.Information, template, CultureInfo.InvariantCulture, standardErrorFromLevel: LogEventLevel.Verbose);
        if (file is not null) configuration = configuration.WriteTo.File(file, outputTemplate: template, formatProvider: CultureInfo.InvariantCulture);
        return configuration.CreateLogger();
    }

    private sealed class AboveTheBar(IAnsiConsole console) : ILogEventSink
    {
        public void Emit(LogEvent logEvent)
        {
            var colour = logEvent.Level >= LogEventLevel.Error ? Color.Red : logEvent.Level == LogEventLevel.Warning ? Color.Yellow : Color.Grey;
            console.Write(new Spectre.Console.Text($"{logEvent.Timestamp:HH:mm:ss} {logEvent.RenderMessage(CultureInfo.InvariantCulture)}\n", new Style(colour)));
        }
    }

    private sealed class FiguresColumn(TrainingDisplay display) : ProgressColumn
    {
        public override Spectre.Console.Rendering.IRenderable Render(Spectre.Console.Rendering.RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Spectre.Console.Text(display.figures);
    }
}
