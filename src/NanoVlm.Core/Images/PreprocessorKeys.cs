using System.Text.Json;

namespace NanoVlm.Images;

/// <summary>The keys of one preprocessor_config.json, each read with a message that names both. A dot goes into an object.</summary>
internal sealed class PreprocessorKeys
{
    private readonly string path;
    private readonly JsonElement root;

    internal PreprocessorKeys(string path)
    {
        this.path = path;
        try
        {
            var bytes = File.ReadAllBytes(path).AsMemory();
            using var document = JsonDocument.Parse(bytes.Span.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes);
            root = document.RootElement.Clone();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"The image processor's file '{path}' cannot be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw Problem($"is not JSON: {e.Message}", e);
        }
        if (root.ValueKind != JsonValueKind.Object) throw Problem("does not hold a JSON object");
        // transformers 5 puts the processor of images into processor_config.json, beside that of text.
        if (root.TryGetProperty("image_processor", out var inner) && inner.ValueKind == JsonValueKind.Object) root = inner;
    }

    internal NanoVlmException Problem(string problem, Exception? inner = null) => new($"'{path}' {problem}.", inner);

    internal bool Has(string key) => Find(key) is not null;

    internal bool IsNumber(string key) => Find(key) is { ValueKind: JsonValueKind.Number };

    internal string? Text(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        _ => throw Wrong(key, "a string"),
    };

    internal bool Flag(string key, bool missing) => Find(key) switch
    {
        null => missing,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Wrong(key, "true or false"),
    };

    internal int Integer(string key, int? missing = null) => Find(key) switch
    {
        null => missing ?? throw Problem($"lacks the key \"{key}\""),
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var number) => number,
        _ => throw Wrong(key, "a whole number"),
    };

    /// <summary>The length of a side in pixels.</summary>
    internal int Side(string key)
    {
        var side = Integer(key);
        return side >= 1 && (long)side * side <= ImageCodec.MaxPixels ? side : throw Problem($"has {side} under \"{key}\", which is no side of a picture");
    }

    /// <summary>A height and a width, or one number for both.</summary>
    internal (int Height, int Width) Size(string key)
    {
        if (!IsNumber(key)) return (Side(key + ".height"), Side(key + ".width"));
        var side = Side(key);
        return (side, side);
    }

    internal double Number(string key, double missing) => Find(key) switch
    {
        null => missing,
        { ValueKind: JsonValueKind.Number } value => value.GetDouble(),
        _ => throw Wrong(key, "a number"),
    };

    internal float[] Colour(string key, double scale, float[]? missing = null)
    {
        if (Find(key) is not { } value) return missing is null ? throw Problem($"lacks the key \"{key}\"") : [.. missing.Select(m => (float)(m / scale))];
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != 3 || value.EnumerateArray().Any(v => v.ValueKind != JsonValueKind.Number))
            throw Wrong(key, "3 numbers");
        return [.. value.EnumerateArray().Select(v => (float)(v.GetDouble() / scale))];
    }

    private NanoVlmException Wrong(string key, string expected) => Problem($"has something else than {expected} under \"{key}\"");

    private JsonElement? Find(string key)
    {
        var value = root;
        foreach (var part in key.Split('.'))
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(part, out value)) return null;
        return value.ValueKind == JsonValueKind.Null ? null : value;
    }
}
