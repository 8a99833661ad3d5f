using System.Text.Json;
using System.Text.Json.Nodes;

namespace NanoVlm.Evaluation.Running;

/// <summary>
/// Answers as they come, beside the result's file: <c>FILE.partial.jsonl</c>, or <c>FILE.partial.jsonl.rank0</c> and so on of several processes. The first line
/// has what the evaluation depends on, each other an item. A line cut short by a kill is dropped.
/// </summary>
internal sealed class PartialResults : IDisposable
{
    private readonly FileStream inUse;
    private readonly StreamWriter writer;

    /// <summary>Opens the file of this process to go on with, or a new one.</summary>
    /// <exception cref="NanoVlmException">Another process writes it, or it cannot be written.</exception>
    internal PartialResults(string path, JsonObject settings)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            inUse = new FileStream(path + ".in-use", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: another evaluation writes this file, or it cannot be written: {e.Message}", e);
        }
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
            file.SetLength(EndOfLastLine(file));
            file.Seek(0, SeekOrigin.End);
            writer = new StreamWriter(file);
            if (file.Length == 0) writer.WriteLine(settings.ToJsonString(EvaluationJson.Line));
            writer.Flush();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            inUse.Dispose();
            throw new NanoVlmException($"{path}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>The files of an evaluation, those of all its processes.</summary>
    internal static IReadOnlyList<string> FilesOf(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var own = Path.GetFileName(path);
        return !Directory.Exists(folder) ? [] : [.. Directory.EnumerateFiles(folder, own + "*")
            .Where(file => Path.GetFileName(file) is var name && (name == own || int.TryParse(name.AsSpan(own.Length).TrimStart(".rank"), out _))).Order(StringComparer.Ordinal)];
    }

    /// <summary>Reads what a file has.</summary>
    /// <param name="path">The file; another process may write it.</param>
    /// <param name="item">Gets each item: benchmark, place, item.</param>
    /// <returns>What the evaluation depends on; null: not even that is whole.</returns>
    /// <exception cref="NanoVlmException">It is damaged.</exception>
    internal static JsonObject? Read(string path, Action<string, int, ItemResult> item)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[EndOfLastLine(file)];
            file.Position = 0;
            file.ReadExactly(bytes);
            using var reader = new StreamReader(new MemoryStream(bytes));
            if (reader.ReadLine() is not { } first) return null;
            var settings = JsonNode.Parse(first)!.AsObject();
            while (reader.ReadLine() is { } text)
            {
                var line = JsonSerializer.Deserialize<Line>(text, EvaluationJson.Line)!;
                item(line.Task, line.Index, line.Item);
            }
            return settings;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new NanoVlmException($"{path}: the answers so far cannot be read: {e.Message} Begin anew with --restart.", e);
        }
    }

    /// <summary>Adds a batch, to the file before this returns.</summary>
    /// <exception cref="NanoVlmException">It cannot be written.</exception>
    internal void Add(string task, IReadOnlyList<(int Index, ItemResult Item)> batch)
    {
        try
        {
            foreach (var (index, item) in batch) writer.WriteLine(JsonSerializer.Serialize(new Line(task, index, item), EvaluationJson.Line));
            writer.Flush();
        }
        catch (IOException e)
        {
            throw new NanoVlmException($"The answers cannot be written: {e.Message} Make room and go on with the same command.", e);
        }
    }

    public void Dispose()
    {
        try
        {
            writer.Dispose();
        }
        catch (IOException)
        {
            // The disk is full, which Add has said.
        }
        inUse.Dispose();
    }

    private static long EndOfLastLine(FileStream file)
    {
        var buffer = new byte[1 << 16];
        for (var end = file.Length; end > 0;)
        {
            var start = Math.Max(0, end - buffer.Length);
            file.Position = start;
            var part = buffer.AsSpan(0, (int)(end - start));
            file.ReadExactly(part);
            if (part.LastIndexOf((byte)'\n') is >= 0 and var at) return start + at + 1;
            end = start;
        }
        return 0;
    }

    private sealed record Line(string Task, int Index, ItemResult Item);
}
