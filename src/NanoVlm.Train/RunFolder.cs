using System.Globalization;
using System.Text.Json;

namespace NanoVlm.Training;

/// <summary>
/// A run's folder: <c>step_000500/</c> and so on, the links <c>last</c> and <c>best</c> (copies where there are no links), and the run's records. A checkpoint is
/// written under another name and renamed when it is whole: a kill at any moment leaves the one before. One process at a time has it.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    private const string Partial = ".partial", Doomed = ".deleted", Damaged = ".damaged";

    private readonly int keepLast;
    private readonly FileStream inUse;
    private string? best; // the best checkpoint's name, as far as this object has seen one

    /// <summary>Opens a folder for a new run, or for one to go on with.</summary>
    /// <param name="path">The folder, made if need be.</param>
    /// <param name="keepLast">How many checkpoints stay, besides the best.</param>
    /// <param name="resume">Whether it may hold checkpoints already.</param>
    /// <exception cref="NanoVlmException">The folder cannot be made, another process trains in it, or it holds the checkpoints of another run.</exception>
    public RunFolder(string path, int keepLast, bool resume = false)
    {
        Path = path;
        this.keepLast = keepLast;
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: the run's folder cannot be made: {e.Message} (train.output_dir, train.run_name)", e);
        }
        try
        {
            inUse = new FileStream(File(".in-use"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: another process trains in this folder, or it cannot be written to: {e.Message}", e);
        }
        if (!resume && Checkpoints.Count > 0)
        {
            Dispose();
            throw new NanoVlmException($"{path}: holds the checkpoints of an earlier run; go on with it by --resume, choose another train.run_name, or delete the folder.");
        }
        foreach (var leftover in Directory.EnumerateDirectories(path).Where(folder => folder.EndsWith(Partial, StringComparison.Ordinal) || folder.EndsWith(Doomed, StringComparison.Ordinal)))
            Discard(leftover);
    }

    /// <summary>Whether <c>last</c> and <c>best</c> may be links; where they are none they are copies.</summary>
    internal bool Links { get; init; } = true;

    /// <summary>The checkpoints' folders, the last step first.</summary>
    public IReadOnlyList<string> Checkpoints => CheckpointsOf(Path);

    /// <summary>The checkpoints in a run's folder, the last step first.</summary>
    /// <param name="run">The folder.</param>
    public static IReadOnlyList<string> CheckpointsOf(string run) =>
        [.. Directory.EnumerateDirectories(run, "step_*").Where(folder => StepOf(folder) is not null).OrderByDescending(StepOf)];

    /// <summary>The step of a checkpoint's folder; null: it is none.</summary>
    /// <param name="checkpoint">The folder; a link to one counts as the one.</param>
    public static int? StepOf(string checkpoint)
    {
        var name = System.IO.Path.GetFileName(Target(checkpoint) ?? checkpoint);
        return name.StartsWith("step_", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;
    }

    /// <summary>The checkpoint that another folder of its run is a copy of (<c>last</c> or <c>best</c> where there are no links); null: it is none.</summary>
    /// <param name="folder">The folder.</param>
    internal static string? Original(string folder)
    {
        if (StepOf(folder) is not null || !System.IO.File.Exists(System.IO.Path.Combine(folder, TrainingCheckpoint.StateFile))) return null;
        var original = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(folder)!, Name(TrainingCheckpoint.State(folder).Step));
        return Directory.Exists(original) ? original : null;
    }

    /// <summary>Moves a damaged checkpoint out of the way, and keeps it.</summary>
    /// <param name="checkpoint">Its folder.</param>
    /// <returns>Where it is now.</returns>
    public static string SetAside(string checkpoint)
    {
        var place = checkpoint + Damaged;
        for (var number = 2; Directory.Exists(place); number++) place = $"{checkpoint}{Damaged}-{number}";
        Directory.Move(checkpoint, place);
        return place;
    }

    /// <summary>Points the links at what they should be after a process was killed between writing a checkpoint and linking it.</summary>
    /// <param name="last">The last step with a checkpoint.</param>
    /// <param name="best">The best step, or 0.</param>
    public void Relink(int last, int best)
    {
        Link("last", Name(last));
        if (best == 0 || !Directory.Exists(File(Name(best)))) return;
        this.best = Name(best);
        Link("best", this.best);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The best checkpoint's folder (a link).</summary>
    public string Best => File("best");

    /// <summary>The last checkpoint's folder (a link).</summary>
    public string Last => File("last");

    /// <summary>A file or folder of the run.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a checkpoint whole or not at all, and points <c>last</c>, and <c>best</c> if it is, at it.</summary>
    /// <param name="step">The step after which it stands.</param>
    /// <param name="isBest">Whether it is the best so far.</param>
    /// <param name="write">Writes its files into the folder given.</param>
    /// <exception cref="NanoVlmException">It cannot be written; what was there before is whole.</exception>
    public void Save(int step, bool isBest, Action<string> write)
    {
        var name = Name(step);
        var partial = File(name + Partial);
        try
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
            write(partial);
            Flush(partial);
            if (!Directory.Exists(File(name)))
                Directory.Move(partial, File(name));
            else
                Directory.Delete(partial, recursive: true); // saved at this step before
            Posix.Flush(Path);
            Link("last", name);
            if (isBest) Link("best", best = name);
            Prune();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NanoVlmException)
        {
            Discard(partial);
            throw new NanoVlmException($"{File(name)}: the checkpoint cannot be written: {e.Message.TrimEnd('.')}. Earlier checkpoints are untouched; mend the cause and go on with --resume.", e);
        }
    }

    /// <summary>Lets other processes have the folder.</summary>
    public void Dispose() => inUse.Dispose();

    /// <summary>Writes a record as JSON, whole or not at all.</summary>
    public void WriteJson(string name, object record) => WriteText(name, JsonSerializer.Serialize(record, Json.Indented) + "\n");

    /// <summary>Writes a text file, whole or not at all.</summary>
    /// <exception cref="NanoVlmException">It cannot be written.</exception>
    public void WriteText(string name, string text)
    {
        var temporary = File(name + ".partial");
        try
        {
            System.IO.File.WriteAllText(temporary, text);
            System.IO.File.Move(temporary, File(name), overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{File(name)}: cannot be written: {e.Message}", e);
        }
    }

    private void Link(string link, string target) => FolderLink.Point(File(link), target, Links);

    private void Prune()
    {
        best ??= Target(Best);
        foreach (var old in Checkpoints.Skip(keepLast).Where(folder => System.IO.Path.GetFileName(folder) != best))
        {
            try
            {
                Directory.Move(old, old + Doomed); // half deleted, it would look like a damaged one
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue; // somebody reads it, which on Windows holds it; it goes with the next
            }
            Discard(old + Doomed);
        }
    }

    // A full disk has room again.
    private static void Discard(string folder)
    {
        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run that opens the folder deletes it.
        }
    }

    // To the disk before the rename, so that a power cut too leaves a whole checkpoint or none.
    private static void Flush(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
            stream.Flush(flushToDisk: true);
        }
        Posix.Flush(folder);
    }

    private static string Name(int step) => string.Create(CultureInfo.InvariantCulture, $"step_{step:000000}");

    private static string? Target(string link) => new FileInfo(link).LinkTarget;
}
