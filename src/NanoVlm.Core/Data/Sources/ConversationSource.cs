using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using NanoVlm.Images;

namespace NanoVlm.Data.Sources;

/// <summary>
/// Conversations in a JSONL file (one object a line) or a JSON file (one array of objects), with images beside it. A row is
/// LLaVA's <c>{"image": "a.png", "conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]}</c> or
/// <c>{"image": "a.png", "question": ..., "answer": ...}</c>; <c>images</c> takes a list; <c>kinds</c> may name the kind of
/// each turn. Image paths are relative to the file's folder. Rows are read when asked for, from any thread.
/// </summary>
public sealed class ConversationSource : SampleSource
{
    private readonly string _path;
    private readonly string _folder;
    private readonly SafeFileHandle _file;
    private readonly List<RowPlace> _rows;

    private ConversationSource(string path, SafeFileHandle file, List<RowPlace> rows)
    {
        (_path, _file, _rows) = (path, file, rows);
        _folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
    }

    /// <summary>Opens a file and finds its rows, without reading what is in them.</summary>
    /// <param name="path">The JSONL or JSON file.</param>
    /// <exception cref="NanoVlmException">The file is missing, unreadable or has no rows.</exception>
    public static ConversationSource Open(string path)
    {
        if (!File.Exists(path))
            throw new NanoVlmException($"{path}: no such file; expected a JSONL file of conversations.");
        List<RowPlace> rows;
        try
        {
            rows = RowPlace.Find(path);
            if (rows.Count == 0)
                throw new NanoVlmException($"{path}: has no rows; expected one JSON object a line.");
            return new ConversationSource(path, File.OpenHandle(path), rows);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {error.Message}", error);
        }
    }

    /// <inheritdoc/>
    public override string Name => _path;

    /// <inheritdoc/>
    public override int Count => _rows.Count;

    /// <summary>Reads a row.</summary>
    /// <param name="index">Its index from 0.</param>
    /// <exception cref="NanoVlmException">The row is not as expected, or an image of it is missing; names file and line.</exception>
    public override RawSample this[int index]
    {
        get
        {
            var place = _rows[index];
            var origin = $"{_path}:{place.Line}";
            var bytes = new byte[place.Length];
            RandomAccess.Read(_file, bytes, place.Offset);
            try
            {
                using var json = JsonDocument.Parse(bytes);
                return Parse(json.RootElement, origin);
            }
            catch (JsonException error)
            {
                throw new NanoVlmException($"{origin}: not valid JSON at byte {error.BytePositionInLine} of the row; expected one JSON object.", error);
            }
            catch (InvalidOperationException error) // what JsonElement says of text that is not valid Unicode
            {
                throw new NanoVlmException($"{origin}: {error.Message}", error);
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => _file.Dispose();

    private RawSample Parse(JsonElement row, string origin)
    {
        if (row.ValueKind != JsonValueKind.Object)
            throw Expected(origin, "the row", "a JSON object", row);
        var images = Images(row, origin);
        var turns = row.TryGetProperty("conversations", out var conversations) ? Conversation(conversations, origin)
            : row.TryGetProperty("question", out var question) && row.TryGetProperty("answer", out var answer)
                ? [new Turn(Text(question, "\"question\"", origin), Text(answer, "\"answer\"", origin))]
            : throw new NanoVlmException($"{origin}: expected the key \"conversations\", or \"question\" and \"answer\"; found {Keys(row)}.");
        var kinds = row.TryGetProperty("kinds", out var named) ? Texts(named, "kinds", origin) : [];
        if (kinds.Length != 0 && kinds.Length != turns.Length)
            throw new NanoVlmException($"{origin}: \"kinds\" has {kinds.Length} entries for {turns.Length} turns; expected one each.");
        return new RawSample(origin, images, turns, kinds);
    }

    private StoredImage[] Images(JsonElement row, string origin)
    {
        string[] names = row.TryGetProperty("image", out var image) && image.ValueKind != JsonValueKind.Null
            ? image.ValueKind == JsonValueKind.Array ? Texts(image, "image", origin) : [Text(image, "\"image\"", origin)]
            : row.TryGetProperty("images", out var images) && images.ValueKind != JsonValueKind.Null ? Texts(images, "images", origin) : [];
        for (var i = 0; i < names.Length; i++)
        {
            var path = Path.Combine(_folder, names[i]);
            if (!File.Exists(path))
                throw new NanoVlmException($"{origin}: there is no image {names[i]}; expected it at {path}.");
            names[i] = path;
        }
        return Array.ConvertAll(names, path => new StoredImage(path));
    }

    private static Turn[] Conversation(JsonElement conversations, string origin)
    {
        if (conversations.ValueKind != JsonValueKind.Array || conversations.GetArrayLength() is var length && (length == 0 || length % 2 != 0))
            throw Expected(origin, "\"conversations\"", "a list of turns, \"human\" and \"gpt\" by turns", conversations);
        var turns = new Turn[length / 2];
        for (var i = 0; i < turns.Length; i++)
            turns[i] = new Turn(Said(conversations[2 * i], 2 * i, "human", origin), Said(conversations[2 * i + 1], 2 * i + 1, "gpt", origin));
        return turns;
    }

    private static string Said(JsonElement message, int index, string by, string origin)
    {
        var what = $"\"conversations\"[{index}]";
        if (message.ValueKind != JsonValueKind.Object || !message.TryGetProperty("from", out var from) || !message.TryGetProperty("value", out var value))
            throw Expected(origin, what, "{\"from\": ..., \"value\": ...}", message);
        if (from.ValueKind != JsonValueKind.String || from.GetString() != by)
            throw Expected(origin, $"{what}.\"from\"", $"\"{by}\"", from);
        return Text(value, $"{what}.\"value\"", origin);
    }

    private static string[] Texts(JsonElement list, string key, string origin) => list.ValueKind == JsonValueKind.Array
        ? [.. list.EnumerateArray().Select((item, i) => Text(item, $"\"{key}\"[{i}]", origin))]
        : throw Expected(origin, $"\"{key}\"", "a list of strings", list);

    private static string Text(JsonElement value, string what, string origin) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Expected(origin, what, "a string", value);

    private static string Keys(JsonElement row)
    {
        var keys = string.Join(", ", row.EnumerateObject().Select(property => $"\"{property.Name}\""));
        return keys.Length == 0 ? "no keys" : keys;
    }

    private static NanoVlmException Expected(string origin, string what, string expected, JsonElement found)
    {
        var text = found.GetRawText();
        return new NanoVlmException($"{origin}: {what} must be {expected}; found {(text.Length <= 60 ? text : text[..60] + " ...")}.");
    }
}
