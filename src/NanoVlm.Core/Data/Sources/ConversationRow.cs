using System.Text.Json;
using NanoVlm.Images;

namespace NanoVlm.Data.Sources;

/// <summary>Reads a conversation from JSON: a row of <see cref="ConversationSource"/>, or a <c>json</c> member of <see cref="WebDatasetSource"/>.</summary>
internal static class ConversationRow
{
    /// <summary>Reads a row.</summary>
    /// <param name="bytes">One JSON object.</param>
    /// <param name="origin">What messages call it.</param>
    /// <param name="find">Finds the images that it names.</param>
    /// <exception cref="NanoVlmException">The row is not as expected.</exception>
    public static RawSample Read(ReadOnlyMemory<byte> bytes, string origin, Func<string[], StoredImage[]> find)
    {
        try
        {
            using var json = JsonDocument.Parse(bytes);
            return Parse(json.RootElement, origin, find);
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

    /// <summary>Whether it is meant as a conversation; what cannot be read is, so that reading it says why.</summary>
    public static bool IsConversation(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var json = JsonDocument.Parse(bytes);
            var row = json.RootElement;
            return row.ValueKind == JsonValueKind.Object && (row.TryGetProperty("conversations", out _) || (row.TryGetProperty("question", out _) && row.TryGetProperty("answer", out _)));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException) // the second of a key that is not valid Unicode
        {
            return true;
        }
    }

    private static RawSample Parse(JsonElement row, string origin, Func<string[], StoredImage[]> find)
    {
        if (row.ValueKind != JsonValueKind.Object)
            throw Expected(origin, "the row", "a JSON object", row);
        var images = find(Images(row, origin));
        var turns = row.TryGetProperty("conversations", out var conversations) ? Conversation(conversations, origin)
            : row.TryGetProperty("question", out var question) && row.TryGetProperty("answer", out var answer)
                ? [new Turn(Text(question, "\"question\"", origin), Text(answer, "\"answer\"", origin))]
            : throw new NanoVlmException($"{origin}: expected the key \"conversations\", or \"question\" and \"answer\"; found {Keys(row)}.");
        var kinds = row.TryGetProperty("kinds", out var named) ? Texts(named, "kinds", origin) : [];
        if (kinds.Length != 0 && kinds.Length != turns.Length)
            throw new NanoVlmException($"{origin}: \"kinds\" has {kinds.Length} entries for {turns.Length} turns; expected one each.");
        return new RawSample(origin, images, turns, kinds);
    }

    private static string[] Images(JsonElement row, string origin) => row.TryGetProperty("image", out var image) && image.ValueKind != JsonValueKind.Null
        ? image.ValueKind == JsonValueKind.Array ? Texts(image, "image", origin) : [Text(image, "\"image\"", origin)]
        : row.TryGetProperty("images", out var images) && images.ValueKind != JsonValueKind.Null ? Texts(images, "images", origin) : [];

    private static Turn[] Conversation(JsonElement conversations, string origin)
    {
        if (conversations.ValueKind == JsonValueKind.Array && conversations.EnumerateArray().FirstOrDefault() is { ValueKind: JsonValueKind.Object } first
            && first.TryGetProperty("from", out var from) && from.ValueKind == JsonValueKind.String && from.ValueEquals("system"))
            throw new NanoVlmException($"{origin}: \"conversations\"[0] is a system message, which a sample cannot have; take it out, or put its text into the first question.");
        if (conversations.ValueKind != JsonValueKind.Array || conversations.GetArrayLength() is var length && (length == 0 || length % 2 != 0))
            throw Expected(origin, "\"conversations\"", "a list of turns, \"human\" and \"gpt\" by turns", conversations);
        var turns = new List<Turn>(length / 2);
        string? user = null;
        foreach (var message in conversations.EnumerateArray())
        {
            var index = 2 * turns.Count + (user is null ? 0 : 1);
            var value = user is null ? Said(message, index, "human", "user", origin) : Said(message, index, "gpt", "assistant", origin);
            if (user is not null) turns.Add(new Turn(user, value));
            user = user is null ? value : null;
        }
        return [.. turns];
    }

    private static string Said(JsonElement message, int index, string by, string alsoBy, string origin)
    {
        var what = $"\"conversations\"[{index}]";
        if (message.ValueKind != JsonValueKind.Object || !message.TryGetProperty("from", out var from) || !message.TryGetProperty("value", out var value))
            throw Expected(origin, what, "{\"from\": ..., \"value\": ...}", message);
        if (from.ValueKind != JsonValueKind.String || !(from.ValueEquals(by) || from.ValueEquals(alsoBy)))
            throw Expected(origin, $"{what}.\"from\"", $"\"{by}\" or \"{alsoBy}\"", from);
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
