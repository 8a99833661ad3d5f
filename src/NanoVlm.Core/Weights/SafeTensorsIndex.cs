using System.Text.Json;
using System.Text.Unicode;
using static NanoVlm.Weights.SafeTensorsHeader;

namespace NanoVlm.Weights;

/// <summary>Reads <c>model.safetensors.index.json</c>, which says in which shard each tensor is, as hostile input.</summary>
internal static class SafeTensorsIndex
{
    /// <summary>The shard of each tensor: <c>weight_map</c>. <c>metadata.total_size</c> is not looked at; writers count it differently.</summary>
    /// <param name="path">The index file.</param>
    /// <exception cref="NanoVlmException">It cannot be read, or is not such an index.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        var json = Bytes(path);
        if (!Utf8.IsValid(json))
            throw new NanoVlmException($"{path}: the index is not valid UTF-8");
        Dictionary<string, string>? map = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw new NanoVlmException($"{path}: not an index of shards: a JSON object with the key weight_map is needed");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (!reader.ValueTextEquals("weight_map"))
                    reader.Skip();
                else if (map == null)
                    map = ReadMap(ref reader, path);
                else
                    throw new NanoVlmException($"{path}: the index holds weight_map twice");
            }

            reader.Read(); // anything but white space after the object is an error
        }
        catch (JsonException e)
        {
            throw new NanoVlmException($"{path}: the index is not valid JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e) // a string with half a surrogate pair
        {
            throw new NanoVlmException($"{path}: the index holds a string that is not valid Unicode", e);
        }

        return map is { Count: > 0 } ? map : throw new NanoVlmException($"{path}: not an index of shards: {(map == null ? "weight_map is missing" : "weight_map is empty")}");
    }

    private static Dictionary<string, string> ReadMap(ref Utf8JsonReader reader, string path)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new NanoVlmException($"{path}: weight_map must be an object that gives each tensor's file");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw new NanoVlmException($"{path}: weight_map: the file of tensor '{Printable(name)}' must be a string");
            if (!map.TryAdd(name, reader.GetString()!))
                throw new NanoVlmException($"{path}: weight_map holds tensor '{Printable(name)}' twice");
        }

        return map;
    }

    private static byte[] Bytes(string path)
    {
        try
        {
            var length = new FileInfo(path).Length;
            return length <= MaxLength ? File.ReadAllBytes(path)
                : throw new NanoVlmException($"{path}: the index has {length} bytes; at most {MaxLength} are allowed");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be opened: {e.Message}", e);
        }
    }
}
