using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NanoVlm.Configuration;
using NanoVlm.Models;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>What is needed to know how a run came about: <c>run.json</c>.</summary>
internal static class RunRecord
{
    /// <param name="config">The configuration.</param>
    /// <param name="source">Where it is from.</param>
    /// <param name="compute">Where and in what precision the run computes.</param>
    /// <param name="earlier">The record that the run began with, where it goes on; it stays, and hears of this.</param>
    /// <param name="from">The checkpoint it goes on from.</param>
    internal static JsonObject Of(RunConfig config, string? source, ComputeChoice compute, string? earlier, string? from)
    {
        var now = Now(config, source, compute);
        if (earlier is null || !File.Exists(earlier)) return now;
        var record = JsonNode.Parse(File.ReadAllText(earlier))!.AsObject();
        if (record["resumed"] is not JsonArray resumed) record["resumed"] = resumed = [];
        now["checkpoint"] = from;
        record["config"] = now["config"]!.DeepClone(); // what it is trained by from here
        resumed.Add(now);
        return record;
    }

    private static JsonObject Now(RunConfig config, string? path, ComputeChoice compute) => new()
    {
        ["config_file"] = path,
        ["config"] = JsonNode.Parse(config.ToJson()),
        ["compute"] = compute.Reason,
        ["started"] = DateTime.UtcNow.ToString("o"),
        ["nanovlm"] = typeof(RunRecord).Assembly.GetName().Version?.ToString(3),
        ["dotnet"] = RuntimeInformation.FrameworkDescription,
        ["libtorch"] = __version__,
        ["git_commit"] = GitCommit(),
        ["os"] = RuntimeInformation.OSDescription,
        ["processors"] = Environment.ProcessorCount,
        ["memory_bytes"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
    };

    private static string? GitCommit()
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", "rev-parse HEAD")
            {
                WorkingDirectory = AppContext.BaseDirectory,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var commit = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? commit : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // there is no git
        }
    }
}
