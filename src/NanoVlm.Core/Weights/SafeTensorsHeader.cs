using System.Text.Json;
using System.Text.Unicode;

namespace NanoVlm.Weights;

/// <summary>Reads and checks the JSON header of a safetensors file. Allocates in proportion to the header, never to the sizes it claims.</summary>
internal static class SafeTensorsHeader
{
    /// <summary>The reference library's limit on the header, in bytes.</summary>
    public const int MaxLength = 100_000_000;

    /// <summary>The key of the free-form string map, which no tensor can have as its name.</summary>
    public const string MetadataKey = "__metadata__";

    private const int MaxRank = 64; // libtorch's own limit

    private static readonly Dictionary<string, SafeTensorsDType> DTypes = Enum.GetValues<SafeTensorsDType>().ToDictionary(dtype => dtype.ToString());

    public static (TensorInfo[] Tensors, IReadOnlyDictionary<string, string> Metadata) Parse(
        ReadOnlySpan<byte> header, long dataLength, string path)
    {
        if (header.IsEmpty || header[0] != (byte)'{')
            throw new NanoVlmException($"{path}: not a safetensors file: the header does not begin with '{{'");
        if (!Utf8.IsValid(header))
            throw new NanoVlmException($"{path}: the header is not valid UTF-8");

        var tensors = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
        OrderedDictionary<string, string>? metadata = null;
        try
        {
            var reader = new Utf8JsonReader(header);
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                if (name == MetadataKey)
                {
                    if (metadata != null)
                        throw new NanoVlmException($"{path}: the header holds {MetadataKey} twice");
                    metadata = ReadMetadata(ref reader, path);
                }
                else
                {
                    var info = ReadTensor(ref reader, name, dataLength, path);
                    if (!tensors.TryAdd(name, info))
                        throw Wrong(path, name, "appears twice in the header");
                }
            }

            reader.Read(); // anything but white space after the object is an error
        }
        catch (JsonException e)
        {
            throw new NanoVlmException($"{path}: the header is not valid JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e) // a string with half a surrogate pair
        {
            throw new NanoVlmException($"{path}: the header holds a string that is not valid Unicode", e);
        }

        var ordered = tensors.Values.OrderBy(tensor => tensor.Begin).ThenBy(tensor => tensor.End).ToArray();
        CheckLayout(ordered, dataLength, path);
        return (ordered, metadata ?? []);
    }

    private static OrderedDictionary<string, string> ReadMetadata(ref Utf8JsonReader reader, string path)
    {
        var metadata = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new NanoVlmException($"{path}: {MetadataKey} must be an object of strings");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw new NanoVlmException($"{path}: {MetadataKey}: the value of '{Printable(key)}' must be a string");
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw new NanoVlmException($"{path}: {MetadataKey} holds '{Printable(key)}' twice");
        }

        return metadata;
    }

    private static TensorInfo ReadTensor(ref Utf8JsonReader reader, string name, long dataLength, string path)
    {
        SafeTensorsDType? dtype = null;
        long[]? shape = null, offsets = null;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Wrong(path, name, "must be described by an object with dtype, shape and data_offsets");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (key == "dtype" && dtype == null)
                dtype = ReadDType(ref reader, name, path);
            else if (key == "shape" && shape == null)
                shape = ReadIntegers(ref reader, name, key, MaxRank, path);
            else if (key == "data_offsets" && offsets == null)
                offsets = ReadIntegers(ref reader, name, key, 2, path);
            else
                throw Wrong(path, name, $"has the key '{Printable(key)}' twice or unexpectedly; dtype, shape and data_offsets belong there, once each");
        }

        if (dtype == null || shape == null || offsets == null)
            throw Wrong(path, name, $"lacks {(dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets")}");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw Wrong(path, name, $"has data_offsets [{string.Join(", ", offsets)}]; two numbers, begin and end, are needed, begin first");
        if (offsets[1] > dataLength)
            throw Wrong(path, name, $"ends at byte {offsets[1]} but the file has {dataLength} bytes of data; it may be cut short");

        var needed = ByteLength(dtype.Value, shape)
            ?? throw Wrong(path, name, $"has shape [{string.Join(", ", shape)}], more elements than can be counted");
        if (needed != offsets[1] - offsets[0])
            throw Wrong(path, name, $"has {offsets[1] - offsets[0]} bytes but {dtype} of shape [{string.Join(", ", shape)}] needs {needed}");
        return new TensorInfo(name, dtype.Value, shape, offsets[0], offsets[1]);
    }

    /// <summary>The bytes that a tensor needs, or null if they cannot be counted in 63 bits even without its zero sizes.</summary>
    public static long? ByteLength(SafeTensorsDType dtype, ReadOnlySpan<long> shape)
    {
        Int128 bytes = dtype.ByteSize();
        var empty = false;
        foreach (var size in shape)
        {
            empty |= size == 0;
            bytes *= Math.Max(size, 1);
            if (size < 0 || bytes > long.MaxValue)
                return null;
        }

        return empty ? 0 : (long)bytes;
    }

    private static SafeTensorsDType ReadDType(ref Utf8JsonReader reader, string name, string path)
    {
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
        if (DTypes.TryGetValue(text, out var dtype))
            return dtype;
        throw Wrong(path, name, $"has dtype '{Printable(text)}'; known are {string.Join(", ", Enum.GetNames<SafeTensorsDType>())}");
    }

    private static long[] ReadIntegers(ref Utf8JsonReader reader, string name, string key, int limit, string path)
    {
        var values = new List<long>(4);
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Wrong(path, name, $"must have a list of integers as {key}");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var value) || value < 0)
                throw Wrong(path, name, $"has something else than an integer of 0 to {long.MaxValue} in {key}");
            if (values.Count == limit)
                throw Wrong(path, name, $"has more than {limit} numbers in {key}");
            values.Add(value);
        }

        return [.. values];
    }

    private static void CheckLayout(ReadOnlySpan<TensorInfo> ordered, long dataLength, string path)
    {
        long end = 0;
        var before = "the header";
        foreach (var tensor in ordered)
        {
            if (tensor.Begin != end)
                throw Wrong(path, tensor.Name, tensor.Begin < end
                    ? $"begins at byte {tensor.Begin} and overlaps {before}, which ends at {end}"
                    : $"begins at byte {tensor.Begin}, which leaves a hole after {before}, which ends at {end}");
            end = tensor.End;
            before = $"tensor '{Printable(tensor.Name)}'";
        }

        if (end != dataLength)
            throw new NanoVlmException($"{path}: {dataLength - end} bytes after {before} belong to no tensor");
    }

    private static NanoVlmException Wrong(string path, string name, string what) => new($"{path}: tensor '{Printable(name)}' {what}");

    // A hostile name must not flood or rewrite the terminal.
    internal static string Printable(string text)
    {
        var clipped = text.Length > 120 ? text[..120] + "..." : text;
        return string.Concat(clipped.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));
    }
}
