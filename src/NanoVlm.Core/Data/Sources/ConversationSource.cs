using NanoVlm.Images;

namespace NanoVlm.Data.Sources;

/// <summary>
/// Conversations in JSONL files (one object a line) or JSON files (one array of objects), with images beside them. A row is
/// LLaVA's <c>{"image": "a.png", "conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]}</c> or
/// <c>{"image": "a.png", "question": ..., "answer": ...}</c>; <c>images</c> takes a list; <c>kinds</c> may name the kind of
/// each turn; other keys are ignored. <c>user</c> and <c>assistant</c> say the same as <c>human</c> and <c>gpt</c>. Image paths are
/// relative to the file's folder or to one that is given. Rows are read when asked for, from any thread.
/// </summary>
public sealed class ConversationSource : SampleSource
{
    private readonly IReadOnlyList<(string Path, string Images, List<RowPlace> Rows)> files;
    private readonly int[] firsts; // the index of each file's first row in the set

    private ConversationSource(string name, IReadOnlyList<(string, string, List<RowPlace> Rows)> files)
    {
        (Name, this.files, firsts) = (name, files, new int[files.Count]);
        for (var i = 0; i < firsts.Length; i++)
        {
            firsts[i] = Count;
            Count = checked(Count + files[i].Rows.Count);
        }
    }

    /// <summary>Opens files as one set and finds their rows, without reading what is in them.</summary>
    /// <param name="name">What messages call the set.</param>
    /// <param name="paths">The JSONL or JSON files, in order.</param>
    /// <param name="images">The folder that image paths are relative to; each file's own by default.</param>
    /// <exception cref="NanoVlmException">A file is missing, unreadable or has no rows.</exception>
    public static ConversationSource Open(string name, IReadOnlyList<string> paths, string? images = null) => new(name, [.. paths.Select(path =>
    {
        if (!File.Exists(path)) throw new NanoVlmException($"{path}: no such file; expected a JSONL file of conversations.");
        try
        {
            var rows = RowPlace.Find(path);
            return rows.Count > 0 ? (path, images ?? Path.GetDirectoryName(Path.GetFullPath(path))!, rows)
                : throw new NanoVlmException($"{path}: has no rows; expected one JSON object a line.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {error.Message}", error);
        }
        catch (OverflowException error)
        {
            throw new NanoVlmException($"{path}: has a row of more than {int.MaxValue} bytes; expected one JSON object a line.", error);
        }
    })]);

    /// <summary>Opens a file.</summary>
    /// <inheritdoc cref="Open(string, IReadOnlyList{string}, string?)"/>
    public static ConversationSource Open(string path, string? images = null) => Open(path, [path], images);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override string FileOf(int index) => files[FileNumber(index)].Path;

    /// <summary>Reads a row.</summary>
    /// <param name="index">Its index from 0.</param>
    /// <exception cref="NanoVlmException">The row is not as expected, or an image of it is missing; names file and line.</exception>
    public override RawSample this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var number = FileNumber(index);
            var (path, images, rows) = files[number];
            var place = rows[index - firsts[number]];
            var origin = $"{path}:{place.Line}";
            var bytes = new byte[place.Length];
            try
            {
                using var file = File.OpenHandle(path);
                for (int done = 0, read; done < bytes.Length; done += read)
                    if ((read = RandomAccess.Read(file, bytes.AsSpan(done), place.Offset + done)) == 0) throw new NanoVlmException($"{origin}: the file ends within the row; it was whole when it was opened.");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new NanoVlmException($"{origin}: cannot be read: {error.Message}", error);
            }
            return ConversationRow.Read(bytes, origin, names => Array.ConvertAll(names, name => name.Contains('\0') ? throw new NanoVlmException($"{origin}: the image name {name.Replace("\0", "\\0")} has a null character, which no file's name has.") : new FileInfo(Path.Combine(images, name)) switch
            {
                { Exists: false, FullName: var at } => throw new NanoVlmException($"{origin}: there is no image {name}; expected it at {at}."),
                { Length: 0 } => throw new NanoVlmException($"{origin}: the image {name} is empty."), // a pipe as well, which nobody may ever write to
                var image => new StoredImage(image.FullName),
            }));
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
    }

    private int FileNumber(int index) => Array.BinarySearch(firsts, index) is >= 0 and var found ? found : ~Array.BinarySearch(firsts, index) - 1;
}
