using System.Globalization;
using NanoVlm.Configuration;
using Serilog;

namespace NanoVlm.Training;

/// <summary>Where a run begins: its configuration, its folder, and the checkpoint it goes on from, by what the command line says.</summary>
internal sealed class RunStart
{
    private readonly bool resumes;
    private readonly string? named; // the checkpoint or run to go on from

    private RunStart(RunConfig config, string source, string folder, bool resumes, string? named) =>
        (Config, Source, Folder, this.resumes, this.named) = (config, source, folder, resumes, named);

    /// <summary>The configuration.</summary>
    internal RunConfig Config { get; }

    /// <summary>What messages call it.</summary>
    internal string Source { get; }

    /// <summary>The run's folder.</summary>
    internal string Folder { get; }

    /// <summary>Finds out, and changes nothing.</summary>
    /// <param name="path">The configuration's file; null: that of the run to go on with, or the built-in one.</param>
    /// <param name="overrides">What <c>--set</c> gave.</param>
    /// <param name="resume">What <c>--resume</c> gave: null where it is absent, empty where it names nothing.</param>
    /// <exception cref="ConfigurationException">The configuration is wrong.</exception>
    /// <exception cref="NanoVlmException">The folder to go on from is none.</exception>
    internal static RunStart Of(string? path, string[] overrides, string? resume)
    {
        if (string.IsNullOrEmpty(resume))
        {
            return Of(RunConfig.Load(path, overrides), path ?? "the built-in configuration", Path.GetFileNameWithoutExtension(path ?? "shapes"), resume is not null);
        }

        var full = Path.GetFullPath(resume);
        if (!Directory.Exists(full)) throw new NanoVlmException($"{resume}: there is no such folder to go on from; name a run's folder or one of its checkpoints.");
        full = new DirectoryInfo(full).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? RunFolder.Original(full) ?? full; // last, best
        var run = File.Exists(Path.Combine(full, TrainingCheckpoint.StateFile)) ? Path.GetDirectoryName(full)! : full;
        if (run == full && !File.Exists(Path.Combine(run, "run.json")) && RunFolder.CheckpointsOf(run).Count == 0)
            throw new NanoVlmException($"{resume}: is neither a run's folder (run.json, step_000500/, ...) nor a checkpoint ({TrainingCheckpoint.StateFile}).");
        var own = path is null ? RunConfig.OfRecord(Path.Combine(run, "run.json"), overrides) : RunConfig.Load(path, overrides);
        // Another name is another run, which branches off.
        var into = own.Train.RunName is null || own.Train.RunName == Path.GetFileName(run) ? run : Path.Combine(own.Train.OutputDir, own.Train.RunName);
        return new RunStart(own, path ?? Path.Combine(run, "run.json"), into, true, full);
    }

    /// <summary>The same for a configuration that is read already.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="source">What messages call it.</param>
    /// <param name="prefix">How the run's folder begins where <c>train.run_name</c> does not name it.</param>
    /// <param name="resumes">Whether to go on with the latest run.</param>
    internal static RunStart Of(RunConfig config, string source, string prefix, bool resumes)
    {
        var folder = config.Train.RunName is { } name ? Path.Combine(config.Train.OutputDir, name)
            : (resumes ? Latest(config.Train.OutputDir, prefix + "-") : null)
            ?? Path.Combine(config.Train.OutputDir, string.Create(CultureInfo.InvariantCulture, $"{prefix}-{DateTime.Now:yyyyMMdd-HHmmss}"));
        return new RunStart(config, source, folder, resumes, null);
    }

    /// <summary>The checkpoint to go on from: the last whole one. Damaged ones are named and set aside.</summary>
    /// <param name="run">The run's folder, opened.</param>
    /// <returns>Its folder; null: the run begins.</returns>
    /// <exception cref="NanoVlmException">A checkpoint that was named is damaged or is not the last of its run, or all are damaged.</exception>
    internal string? Checkpoint(RunFolder run)
    {
        if (!resumes) return null;
        var same = named is null || Path.GetFullPath(run.Path) == named || Path.GetFullPath(run.Path) == Path.GetDirectoryName(named);
        if (!same && run.Checkpoints.Count > 0)
            throw new NanoVlmException($"{run.Path}: holds checkpoints of its own, and cannot branch off from {named}; choose another train.run_name, or go on with --resume {run.Path}.");
        var one = named is not null && File.Exists(Path.Combine(named, TrainingCheckpoint.StateFile));
        if (one && same && run.Checkpoints[0] != named && RunFolder.StepOf(run.Checkpoints[0]) > RunFolder.StepOf(named!))
            throw new NanoVlmException($"{named}: the run has later checkpoints, {Path.GetFileName(run.Checkpoints[0])} the last. Go on from that with --resume {run.Path}, or branch off with --set train.run_name=NAME.");
        var candidates = one ? [named!] : named is null ? run.Checkpoints : RunFolder.CheckpointsOf(named);
        foreach (var checkpoint in candidates)
        {
            try
            {
                TrainingCheckpoint.Verify(checkpoint);
                var state = TrainingCheckpoint.State(checkpoint);
                if (same) run.Relink(state.Step, state.BestStep);
                return checkpoint;
            }
            catch (NanoVlmException e) when (!one)
            {
                var kept = same ? $" It is kept as {Path.GetFileName(RunFolder.SetAside(checkpoint))}." : "";
                Log.Warning("{Message:l}{Kept:l} The one before is taken.", e.Message, kept);
            }
        }
        if (candidates.Count > 0) throw new NanoVlmException($"{named ?? run.Path}: none of its {candidates.Count} checkpoints is whole; begin again under another train.run_name.");
        Log.Information("{Folder:l} has no checkpoint yet: beginning at step 0", run.Path);
        return null;
    }

    private static string? Latest(string folder, string prefix) => !Directory.Exists(folder) ? null
        : Directory.EnumerateDirectories(folder, prefix + "*").Where(run => File.Exists(Path.Combine(run, "run.json"))).Max(StringComparer.Ordinal);
}
