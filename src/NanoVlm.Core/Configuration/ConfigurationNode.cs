using System.Text;
using System.Text.Json;

namespace NanoVlm.Configuration;

/// <summary>A JSON value that knows where it was written, so that a mistake can be shown in its place.</summary>
internal sealed class ConfigurationNode(JsonValueKind kind, string? place)
{
    public JsonValueKind Kind => kind;

    /// <summary>Line and column in the file, or the <c>--set</c> argument.</summary>
    public string? Place => place;

    /// <summary>The members of an object; where a key is written twice, the last.</summary>
    public OrderedDictionary<string, ConfigurationNode> Members { get; } = new(StringComparer.Ordinal);

    /// <summary>Keys that the object holds more than once.</summary>
    public List<string> Repeated { get; } = [];

    /// <summary>The elements of a list.</summary>
    public List<ConfigurationNode> Items { get; } = [];

    /// <summary>The string itself, or the number as it is written.</summary>
    public string Text { get; private init; } = "";

    /// <summary>The whole value as given on the command line, where it was given there.</summary>
    public string? Argument { get; private init; }

    /// <summary>Reads a document; comments and trailing commas are allowed.</summary>
    /// <exception cref="ConfigurationException">It is not JSON; the message has line and column.</exception>
    public static ConfigurationNode Parse(ReadOnlySpan<byte> utf8, string source)
    {
        if (utf8.StartsWith(Encoding.UTF8.Preamble))
            utf8 = utf8[Encoding.UTF8.Preamble.Length..];
        try
        {
            return Parse(utf8, place: null, argument: null);
        }
        catch (JsonException e)
        {
            // The reader's message ends with its own counting of the place, from zero.
            var message = e.Message.Split(" LineNumber:")[0];
            var place = $"line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}";
            throw new ConfigurationException(source, [new("", $"not valid JSON: {message}", place)], e);
        }
        catch (InvalidOperationException e)
        {
            throw new ConfigurationException(source, [new("", "not valid JSON: a string is not valid Unicode")], e);
        }
    }

    /// <summary>A value from the command line: JSON if it is JSON, else the text as a string.</summary>
    public static ConfigurationNode FromArgument(string value, string place)
    {
        try
        {
            return Parse(Encoding.UTF8.GetBytes(value), place, value);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new ConfigurationNode(JsonValueKind.String, place) { Text = value, Argument = value };
        }
    }

    private static ConfigurationNode Parse(ReadOnlySpan<byte> utf8, string? place, string? argument)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        if (!reader.Read())
            throw new JsonException("the document is empty", null, 0, 0);
        var node = ReadValue(ref reader, utf8, place, argument);
        reader.Read(); // anything after the value is an error
        return node;
    }

    private static ConfigurationNode ReadValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, string? given, string? argument)
    {
        var place = given ?? PlaceOf(utf8, (int)reader.TokenStartIndex);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var node = new ConfigurationNode(JsonValueKind.Object, place) { Argument = argument };
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = reader.GetString()!;
                    reader.Read();
                    if (node.Members.ContainsKey(name))
                        node.Repeated.Add(name);
                    node.Members[name] = ReadValue(ref reader, utf8, given, null);
                }

                return node;
            case JsonTokenType.StartArray:
                var list = new ConfigurationNode(JsonValueKind.Array, place) { Argument = argument };
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    list.Items.Add(ReadValue(ref reader, utf8, given, null));
                return list;
            case JsonTokenType.String:
                return new(JsonValueKind.String, place) { Text = reader.GetString()!, Argument = argument };
            case JsonTokenType.Number:
                return new(JsonValueKind.Number, place) { Text = Encoding.ASCII.GetString(reader.ValueSpan), Argument = argument };
            case JsonTokenType.True:
                return new(JsonValueKind.True, place) { Argument = argument };
            case JsonTokenType.False:
                return new(JsonValueKind.False, place) { Argument = argument };
            default:
                return new(JsonValueKind.Null, place) { Argument = argument };
        }
    }

    private static string PlaceOf(ReadOnlySpan<byte> utf8, int offset)
    {
        var before = utf8[..offset];
        var line = before.Count((byte)'\n') + 1;
        var column = Encoding.UTF8.GetCharCount(before[(before.LastIndexOf((byte)'\n') + 1)..]) + 1;
        return $"line {line}, column {column}";
    }
}
