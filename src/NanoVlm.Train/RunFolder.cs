using System.Globalization;
using System.Text.Json;

namespace NanoVlm.Training;

/// <summary>
/// A run's folder: <c>step_000500/</c> and so on, the links <c>last</c> and <c>best</c>, and the run's records. A checkpoint is
/// written under another name and renamed when it is whole: a kill at any moment leaves the one before.
/// </summary>
public sealed class RunFolder
{
    private readonly int keepLast;

    /// <summary>Opens a folder for a new run.</summary>
    /// <param name="path">The folder, made if need be.</param>
    /// <param name="keepLast">How many checkpoints stay, besides the best.</param>
    /// <exception cref="NanoVlmException">The folder cannot be made, or holds the checkpoints of another run.</exception>
    public RunFolder(string path, int keepLast)
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
        if (Directory.EnumerateFileSystemEntries(path, "step_*").Any(entry => !entry.EndsWith(".partial", StringComparison.Ordinal)))
            throw new NanoVlmException($"{path}: holds the checkpoints of an earlier run; choose another train.run_name, or delete the folder.");
        foreach (var leftover in Directory.EnumerateDirectories(path, "*.partial")) Directory.Delete(leftover, recursive: true);
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
        var name = string.Create(CultureInfo.InvariantCulture, $"step_{step:000000}");
        var partial = File(name + ".partial");
        try
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
            write(partial);
            Flush(partial);
            if (!Directory.Exists(File(name)))
                Directory.Move(partial, File(name));
            else
                Directory.Delete(partial, recursive: true); // saved at this step before
            Link("last", name);
            if (isBest) Link("best", name);
            Prune();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{File(name)}: the checkpoint cannot be written: {e.Message} Earlier checkpoints are untouched.", e);
        }
    }

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

    private void Link(string link, string target)
    {
        var temporary = File(link + ".partial-link");
        System.IO.File.Delete(temporary);
        System.IO.File.CreateSymbolicLink(temporary, target);
        NativeRename(temporary, File(link));
    }

    // rename(2) replaces a link in one step; File.Move refuses a link to a folder.
    private static void NativeRename(string from, string to)
    {
        if (Posix.rename(from, to) != 0)
            throw new IOException($"{to}: the link cannot be replaced (error {System.Runtime.InteropServices.Marshal.GetLastPInvokeError()}).");
    }

    private void Prune()
    {
        var best = Target(Best);
        // Longer names are later steps: step_1000000 comes after step_999999.
        var steps = Directory.EnumerateDirectories(Path, "step_*").OrderByDescending(folder => folder.Length).ThenByDescending(folder => folder, StringComparer.Ordinal).ToArray();
        foreach (var old in steps.Skip(keepLast))
            if (System.IO.Path.GetFileName(old) != best) Directory.Delete(old, recursive: true);
    }

    // To the disk before the rename, so that a power cut too leaves a whole checkpoint or none.
    private static void Flush(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
            stream.Flush(flushToDisk: true);
        }
    }

    private static string? Target(string link) => new FileInfo(link).LinkTarget;
}

internal static partial class Posix
{
    [System.Runtime.InteropServices.LibraryImport("libc", SetLastError = true, StringMarshalling = System.Runtime.InteropServices.StringMarshalling.Utf8)]
    internal static partial int rename(string from, string to);
}

internal static class Json
{
    internal static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower };
    internal static readonly JsonSerializerOptions Line = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower };
}
