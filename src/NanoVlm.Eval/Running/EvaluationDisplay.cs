using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace NanoVlm.Evaluation.Running;

/// <summary>What a person sees of an evaluation, on standard error: a bar with the running score on a terminal, plain lines elsewhere.</summary>
internal sealed class EvaluationDisplay
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    private readonly IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
    private readonly bool live;
    private readonly Lock guard = new();
    private readonly Dictionary<string, Task> tasks = [];
    private ProgressContext? bars;

    internal EvaluationDisplay() => live = !Console.IsErrorRedirected && console.Profile.Capabilities.Interactive;

    /// <summary>Shows the bars, where there are any, while something runs.</summary>
    /// <param name="begin">How far each benchmark is.</param>
    /// <param name="run">What runs.</param>
    internal void Track(IReadOnlyList<EvaluationProgress> begin, Action run)
    {
        foreach (var task in begin) tasks[task.Task] = new Task(task);
        if (!live)
        {
            run();
            return;
        }
        console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 30 }, new FiguresColumn(this))
            .Start(context =>
            {
                bars = context;
                try
                {
                    run();
                }
                finally
                {
                    lock (guard) bars = null;
                }
            });
    }

    /// <summary>Takes in a batch. From any thread.</summary>
    internal void Add(EvaluationProgress batch)
    {
        lock (guard)
        {
            var task = tasks[batch.Task];
            task.Add(batch);
            if (bars is not null)
            {
                task.Bar ??= bars.AddTask(batch.Task, maxValue: batch.Count);
                task.Bar.Value = task.Done;
            }
            else if (task.SinceLine.Elapsed > BetweenLines || task.Done == batch.Count)
            {
                task.SinceLine.Restart();
                Say($"{batch.Task}  {task.Figures}");
            }
        }
    }

    internal void Say(string text) => Write(text, Color.Grey);

    internal void Warn(string text) => Write(text, Color.Yellow);

    private void Write(string text, Color colour)
    {
        lock (guard)
        {
            var line = string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:HH:mm:ss} {text}\n");
            // Spectre writes over the bar without erasing it: a shorter line would leave the bar's end standing.
            if (live) console.Write(new Cleared(new Spectre.Console.Text(line, new Style(colour))));
            else Console.Error.Write(line);
        }
    }

    private sealed class Task(EvaluationProgress begin)
    {
        private readonly Stopwatch watch = Stopwatch.StartNew();
        private double score = begin.Score;

        public int Done { get; private set; } = begin.Done;

        public Stopwatch SinceLine { get; } = Stopwatch.StartNew();

        public ProgressTask? Bar { get; set; }

        public string Figures { get; private set; } = "";

        public void Add(EvaluationProgress batch)
        {
            (Done, score) = (Done + batch.Done, score + batch.Score);
            var rate = (Done - begin.Done) / watch.Elapsed.TotalSeconds;
            Figures = string.Create(CultureInfo.InvariantCulture,
                $"{Done}/{begin.Count}  score {score / Math.Max(1, Done):0.0000}  {rate:0.0} items/s  {TimeSpan.FromSeconds(rate > 0 ? (begin.Count - Done) / rate : 0):h\\:mm\\:ss} left");
        }
    }

    private sealed class Cleared(IRenderable line) : Renderable
    {
        protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => line.Render(options, maxWidth).Prepend(Segment.Control("\u001b[J"));
    }

    private sealed class FiguresColumn(EvaluationDisplay display) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            lock (display.guard) return new Spectre.Console.Text(display.tasks.GetValueOrDefault(task.Description)?.Figures ?? "");
        }
    }
}
