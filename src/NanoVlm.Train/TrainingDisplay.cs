using System.Globalization;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace NanoVlm.Training;

/// <summary>
/// What a person sees while a run trains, on standard error: a bar with loss, rate, speed and time left on a terminal, plain
/// lines elsewhere. Log messages go above the bar and to the run's <c>log.txt</c>.
/// </summary>
internal sealed class TrainingDisplay : IDisposable
{
    private readonly IAnsiConsole console;
    private readonly bool live, quiet;
    private ProgressTask? bar;
    private string figures = "";

    private const int FiguresWidth = 72; // of a run of some thousand steps

    /// <summary>A display for this process.</summary>
    /// <param name="live">Whether to draw a bar; by default when standard error is a terminal.</param>
    /// <param name="quiet">Whether to show warnings and errors only, as for a rank whose lines would repeat the first one's.</param>
    public TrainingDisplay(bool? live = null, bool quiet = false)
    {
        this.quiet = quiet;
        console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        this.live = live ?? (!quiet && !Console.IsErrorRedirected && console.Profile.Capabilities.Interactive);
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
            .Columns(new ProgressBarColumn { Width = Math.Clamp(console.Profile.Width - FiguresWidth, 8, 40) }, new FiguresColumn(this))
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
    /// <param name="step">The figures.</param>
    /// <param name="steps">The steps of the whole run.</param>
    /// <param name="elapsed">The time since the first step of this process.</param>
    /// <param name="before">The steps done before it.</param>
    /// <param name="print">Whether to write a line.</param>
    public void Step(StepMetrics step, int steps, TimeSpan elapsed, int before, bool print)
    {
        var left = TimeSpan.FromSeconds(elapsed.TotalSeconds / (step.Step - before) * (steps - step.Step));
        figures = string.Create(CultureInfo.InvariantCulture,
            $"{step.Step}/{steps}  loss {step.Loss ?? double.NaN:0.0000}  lr {step.LearningRate:0.00e+0}  {step.SamplesPerSecond:0} samples/s  {left:h\\:mm\\:ss} left");
        if (bar is not null) bar.Value = step.Step;
        if (!print) return;
        if (live) Log.Debug("step {Line:l}", figures);
        else Log.Information("step {Line:l}", figures);
    }

    /// <summary>Writes out the log.</summary>
    public void Dispose() => Log.CloseAndFlush();

    private Logger Configured(string? file)
    {
        const string template = "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}";
        var configuration = new LoggerConfiguration().MinimumLevel.Debug();
        configuration = live
            ? configuration.WriteTo.Sink(new AboveTheBar(console), LogEventLevel.Information)
            : configuration.WriteTo.Console(quiet ? LogEventLevel.Warning : LogEventLevel.Information, template, CultureInfo.InvariantCulture, standardErrorFromLevel: LogEventLevel.Verbose);
        if (file is not null) configuration = configuration.WriteTo.File(file, outputTemplate: template, formatProvider: CultureInfo.InvariantCulture);
        return configuration.CreateLogger();
    }

    private sealed class AboveTheBar(IAnsiConsole console) : ILogEventSink
    {
        public void Emit(LogEvent logEvent)
        {
            var colour = logEvent.Level >= LogEventLevel.Error ? Color.Red : logEvent.Level == LogEventLevel.Warning ? Color.Yellow : Color.Grey;
            console.Write(new ClearedLine(new Spectre.Console.Text(
                $"{logEvent.Timestamp:HH:mm:ss} {logEvent.RenderMessage(CultureInfo.InvariantCulture)}\n", new Style(colour))));
        }
    }

    // Spectre writes over the bar without erasing it: a shorter line would leave the bar's end standing.
    private sealed class ClearedLine(IRenderable line) : Renderable
    {
        protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
            line.Render(options, maxWidth).Prepend(Segment.Control("\u001b[J"));
    }

    private sealed class FiguresColumn(TrainingDisplay display) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Spectre.Console.Text(display.figures);
    }
}
