using System.Text.Json;

namespace NanoVlm.Text.Templates;

/// <summary>JSON as a template's values.</summary>
internal static class JsonValues
{
    // Who speaks and what kind a part is of are words of the template's, not of the message.
    private static readonly HashSet<string> _labels = ["role", "type", "name", "tool_call_id", "id"];

    /// <summary>A value.</summary>
    /// <exception cref="NanoVlmException">It nests too deeply or holds a string that is not Unicode.</exception>
    public static Value Read(JsonElement json) => Guard(() => Read(json, -1, 0));

    /// <summary>A message of a conversation: its strings know that they are its.</summary>
    public static Value Message(JsonElement json, int index) => Guard(() => Read(json, index, 0));

    /// <summary>A message of text, or of parts.</summary>
    public static Value Message(ChatMessage message, int index, bool asParts)
    {
        var parts = message.Parts ?? (asParts ? [ChatPart.OfText(message.Content)] : null);
        return Object(index,
            ("role", new Str(message.Role)),
            ("content", parts is null ? Marked(message.Content, index)
                : new Sequence([.. parts.Select(part => part.Text is { } text
                    ? Object(-1, ("type", new Str(part.Type)), ("text", Marked(text, index)))
                    : Object(-1, ("type", new Str(part.Type))))])));
    }

    /// <summary>Who speaks in a message, and whether anything is said: text that is not blank, at any depth.</summary>
    public static Speaker Speaker(Value message)
    {
        return new Speaker(((MapValue)message).Find(new Str("role")) is Str role ? role.Text : "", Says(message));

        static bool Says(Value value) => value switch
        {
            Str text => text.Marks.Length > 0 && !string.IsNullOrWhiteSpace(text.Text),
            Sequence sequence => sequence.Items.Any(Says),
            MapValue map => map.Members.Any(member => Says(member.Value)),
            _ => false,
        };
    }

    private static MapValue Object(int message, params ReadOnlySpan<(string Key, Value Value)> pairs)
    {
        var members = MapValue.NewMembers(new Budget(long.MaxValue));
        foreach (var (key, value) in pairs)
            members[new Str(key)] = value;
        return new MapValue(members, message);
    }

    private static Str Marked(string text, int message) => message < 0 ? new Str(text) : new Str(text, [new Mark(0, text.Length, message, MarkKind.Content)]);

    private static Value Read(JsonElement json, int message, int depth)
    {
        if (depth > Value.MaxDepth)
            throw new TemplateFault($"values nest deeper than {Value.MaxDepth} levels");
        switch (json.ValueKind)
        {
            case JsonValueKind.String:
                return Marked(json.GetString()!, message);
            case JsonValueKind.True or JsonValueKind.False:
                return Bool.Of(json.GetBoolean());
            case JsonValueKind.Number:
                return json.GetRawText().AsSpan().ContainsAny('.', 'e', 'E') || !json.TryGetInt64(out long whole) ? new Real(json.GetDouble()) : Integer.Of(whole);
            case JsonValueKind.Array:
                return new Sequence([.. json.EnumerateArray().Select(item => Read(item, message, depth + 1))]);
            case JsonValueKind.Object:
                var members = MapValue.NewMembers(new Budget(long.MaxValue));
                foreach (var member in json.EnumerateObject())
                    members[new Str(member.Name)] = Read(member.Value, _labels.Contains(member.Name) && member.Value.ValueKind == JsonValueKind.String && !(member.Name == "name" && depth > 0) ? -1 : message, depth + 1);
                return new MapValue(members, depth == 0 ? message : -1);
            default:
                return None.Instance;
        }
    }

    private static Value Guard(Func<Value> read)
    {
        try
        {
            return read();
        }
        catch (TemplateFault e)
        {
            throw new NanoVlmException($"These messages cannot be rendered: {e.Message}.", e);
        }
        catch (InvalidOperationException e)
        {
            throw new NanoVlmException($"These messages cannot be rendered: {e.Message}", e);
        }
    }
}
