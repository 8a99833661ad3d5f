using System.Text.Json;

namespace NanoVlm.Text;

/// <summary>A value of a tokenizer file that knows its place, so that a refusal can name file and key.</summary>
internal readonly struct JsonPart(JsonElement value, string file, string path)
{
    public JsonElement Value => value;

    public string File => file;

    /// <summary>Reads a file; whatever is wrong with it ends as a refusal that names it.</summary>
    public static T Read<T>(ReadOnlyMemory<byte> utf8, string file, Func<JsonPart, ReadOnlyMemory<byte>, T> read)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        try
        {
            using var document = JsonDocument.Parse(utf8);
            return read(new JsonPart(document.RootElement, file, ""), utf8);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A string that is not Unicode is found when it is read, and is an InvalidOperationException then.
            throw new NanoVlmException($"{file} is not valid JSON: {e.Message}", e);
        }
    }

    public NanoVlmException Refuse(string message) => new(path.Length == 0 ? $"{file}: {message}" : $"{file}: {path}: {message}");

    /// <summary>The member, or null where it is absent or JSON null.</summary>
    public JsonPart? Find(string name)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Expected("an object");
        JsonElement? found = null;
        foreach (var member in value.EnumerateObject())
        {
            if (!member.NameEquals(name))
                continue;
            if (found is not null)
                throw Refuse($"\"{name}\" is there twice");
            found = member.Value;
        }
        return found is { ValueKind: not JsonValueKind.Null } only ? Child(only, name) : null;
    }

    public JsonPart Get(string name) => Find(name) ?? throw Refuse($"\"{name}\" is missing");

    public string Kind => Get("type").String();

    public string String() => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Expected("a string");

    public int Int() => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int i) ? i : throw Expected("an integer");

    public bool Bool(string name, bool absent) => Find(name) is not { } member ? absent : member.Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw member.Expected("true or false"),
    };

    public string? Text(string name) => Find(name)?.String();

    public IEnumerable<JsonPart> Items()
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw Expected("an array");
        var (self, at) = (this, path);
        return value.EnumerateArray().Select((item, i) => self.Child(item, $"{at}[{i}]", whole: true));
    }

    public IEnumerable<(string Name, JsonPart Value)> Members()
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Expected("an object");
        var self = this;
        return value.EnumerateObject().Select(m => (m.Name, self.Child(m.Value, m.Name)));
    }

    public NanoVlmException Expected(string what) => Refuse($"expected {what}, found {Excerpt()}");

    private JsonPart Child(JsonElement member, string name, bool whole = false) =>
        new(member, file, whole || path.Length == 0 ? name : $"{path}.{name}");

    private string Excerpt()
    {
        string raw = value.GetRawText();
        return raw.Length <= 40 ? raw : $"{raw[..40]}...";
    }
}
