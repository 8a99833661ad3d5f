using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Weights;

namespace NanoVlm.Training.Commands;

/// <summary><c>train --dry-run</c>: checks a configuration and what it names, and prints the memory the run will take. Makes no model and no folder.</summary>
internal static class DryRun
{
    internal static int Run(string? path, string[] overrides)
    {
        var downloads = new DownloadDisplay();
        var report = Report(RunConfig.Load(path, overrides), (named, key) => Directory.Exists(named)
            ? named
            : downloads.Track(() => ModelFolder.Resolve(named, key, progress: downloads)));
        Console.Out.Write(report.ToText());
        return 0;
    }

    /// <summary>The memory of a run.</summary>
    /// <param name="config">Its configuration.</param>
    /// <param name="find">Gives the folder of what is named, for a key.</param>
    internal static MemoryReport Report(RunConfig config, Func<string, string, string> find) => MemoryReport.Of(config, ModelPlan.Of(config, find).Architecture);
}
