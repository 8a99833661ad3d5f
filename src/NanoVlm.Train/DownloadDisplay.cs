using System.Diagnostics;
using System.Globalization;
using NanoVlm.Weights.Hub;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace NanoVlm.Training;

/// <summary>What a person sees of a download, on standard error: a bar with bytes, speed and time left on a terminal, plain lines elsewhere.</summary>
internal sealed class DownloadDisplay : IProgress<HubProgress>
{
    private static readonly TimeSpan between = TimeSpan.FromSeconds(10); // plain lines about a large file

    private readonly IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly bool live;
    private HubProgress? latest;
    private ProgressTask? bar;
    private TimeSpan lastLine;
    private long before; // bytes of earlier attempts, which say nothing about the speed

    internal DownloadDisplay() => live = !Console.IsErrorRedirected && console.Profile.Capabilities.Interactive;

    /// <summary>Shows the bar, where there is one, while something runs, and says at the end what came.</summary>
    public T Track<T>(Func<T> run)
    {
        var result = live
            ? console.Progress().AutoClear(true).Columns(new ProgressBarColumn { Width = Math.Clamp(console.Profile.Width - 66, 8, 40) }, new FiguresColumn(this)).Start(context =>
            {
                bar = context.AddTask("download");
                return run();
            })
            : run();
        Console.Error.WriteLine(latest is null ? "all files were in the cache" : $"{Count(latest.Files)}, {Bytes(latest.Bytes)}, in {Time(clock.Elapsed)}");
        return result;
    }

    /// <inheritdoc/>
    public void Report(HubProgress value)
    {
        var first = latest is null;
        latest = value;
        if (first) before = value.BytesDone;
        if (bar is not null)
        {
            bar.MaxValue = Math.Max(1, value.Bytes);
            bar.Value = value.BytesDone;
        }
        if (live) return;
        if (first) Say($"fetching {Count(value.Files)}, {Bytes(value.Bytes)}{(before > 0 ? $", of which {Bytes(before)} are here" : "")}");
        if (value.State == HubFileState.Waiting) Say(Waiting(value));
        else if (value.State == HubFileState.Done) Say($"{value.File} ({Bytes(value.FileBytes)})");
        else if (clock.Elapsed - lastLine > between) Say(Figures());
    }

    private string Figures()
    {
        if (latest is not { } now) return "asking the Hub";
        if (now.State == HubFileState.Waiting) return Waiting(now);
        var speed = (now.BytesDone - before) / Math.Max(clock.Elapsed.TotalSeconds, 0.001);
        var left = speed > 0 ? $"  {Time(TimeSpan.FromSeconds(Math.Min((now.Bytes - now.BytesDone) / speed, 359999)))} left" : "";
        return $"{Bytes(now.BytesDone)} of {Bytes(now.Bytes)}  {now.FilesDone}/{Count(now.Files)}  {Bytes(speed)}/s{left}";
    }

    private void Say(string line)
    {
        lastLine = clock.Elapsed;
        Console.Error.WriteLine(line);
    }

    private static string Waiting(HubProgress now) => $"waiting for another process that downloads {now.File}";

    private static string Count(int files) => files == 1 ? "1 file" : $"{files} files";

    private static string Time(TimeSpan time) => time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture);

    private static string Bytes(double bytes) => bytes switch
    {
        < 1e3 => string.Create(CultureInfo.InvariantCulture, $"{bytes:0} B"),
        < 1e6 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        < 1e9 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB"),
    };

    private sealed class FiguresColumn(DownloadDisplay display) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Spectre.Console.Text(display.Figures());
    }
}
