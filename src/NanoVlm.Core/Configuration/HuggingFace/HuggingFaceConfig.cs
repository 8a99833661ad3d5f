using System.Text.Json;

namespace NanoVlm.Configuration;

/// <summary>
/// A Hugging Face <c>config.json</c>, or a section of one. Keys it lacks have the defaults of transformers, because published files
/// leave out what is default; keys it has besides are ignored. Every mistake is collected.
/// </summary>
public sealed class HuggingFaceConfig
{
    private readonly JsonElement json;
    private readonly string path;
    private readonly ConfigurationProblems problems;

    private HuggingFaceConfig(JsonElement json, string source, string path, ConfigurationProblems problems) =>
        (this.json, Source, this.path, this.problems) = (json, source, path, problems);

    /// <summary>The file.</summary>
    public string Source { get; }

    /// <summary>What transformers calls the architecture: <c>llama</c>, <c>dinov3_vit</c>, ...; empty where the file does not say.</summary>
    public string ModelType => Text("model_type") ?? "";

    /// <summary>Reads a file. Whether it is one of transformers', see <see cref="ModelType"/>.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="NanoVlmException">There is no such file.</exception>
    /// <exception cref="ConfigurationException">It is not a JSON object.</exception>
    public static HuggingFaceConfig Load(string folder)
    {
        var file = Path.Combine(folder, VlmConfig.FileName);
        try
        {
            var document = JsonDocument.Parse(File.ReadAllBytes(file)).RootElement;
            return document.ValueKind == JsonValueKind.Object
                ? new HuggingFaceConfig(document, file, "", new ConfigurationProblems())
                : throw new ConfigurationException(file, [new("", "expected a JSON object")]);
        }
        catch (JsonException e)
        {
            throw new ConfigurationException(file, [new("", $"not valid JSON: {e.Message}")], e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Whether the file is of a tower with a classifier in place of its pooler.</summary>
    internal bool IsClassifier => Texts("architectures") is { } names && names.Any(name => name.Contains("ForImageClassification", StringComparison.Ordinal) || name.Contains("ForMaskedImageModeling", StringComparison.Ordinal));

    /// <summary>Whether the key is there and not null.</summary>
    internal bool Has(string key) => Find(key) is not null;

    /// <summary>Whether the key is written as null, which need not be what its absence means.</summary>
    internal bool IsNull(string key) => json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>A section that is an object; an empty one where it is absent.</summary>
    internal HuggingFaceConfig Section(string key)
    {
        if (Find(key) is { ValueKind: JsonValueKind.Object } section) return new(section, Source, At(key), problems);
        if (Has(key)) Wrong(key, "an object");
        using var empty = JsonDocument.Parse("{}");
        return new(empty.RootElement.Clone(), Source, At(key), problems);
    }

    /// <summary>A whole number of at least 1.</summary>
    internal int Size(string key, int otherwise) => OptionalSize(key) ?? otherwise;

    /// <summary>A whole number of at least 1, or null where it is absent.</summary>
    internal int? OptionalSize(string key)
    {
        if (Find(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number && value.GetDouble() is >= 1 and <= int.MaxValue and var number && number == Math.Floor(number)) return (int)number;
        Wrong(key, "an integer of at least 1");
        return 1;
    }

    /// <summary>A whole number of at least 0.</summary>
    internal int Count(string key, int otherwise) =>
        Find(key) is { ValueKind: JsonValueKind.Number } value && value.GetDouble() == 0 ? 0 : Size(key, otherwise);

    /// <summary>A whole number, or null where it is absent.</summary>
    internal int? OptionalInteger(string key)
    {
        if (Find(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number && value.GetDouble() is >= int.MinValue and <= int.MaxValue and var number && number == Math.Floor(number)) return (int)number;
        Wrong(key, "an integer");
        return null;
    }

    /// <summary>A number above 0.</summary>
    internal double Number(string key, double otherwise) => OptionalNumber(key) ?? otherwise;

    /// <summary>A number above 0, or null where it is absent.</summary>
    internal double? OptionalNumber(string key)
    {
        if (Find(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number && value.GetDouble() is > 0 and < double.PositiveInfinity and var number) return number;
        Wrong(key, "a number above 0");
        return 1;
    }

    /// <summary>A probability below 1.</summary>
    internal double Probability(string key)
    {
        if (Find(key) is not { } value) return 0;
        if (value.ValueKind == JsonValueKind.Number && value.GetDouble() is >= 0 and < 1 and var number) return number;
        Wrong(key, "a probability below 1");
        return 0;
    }

    /// <summary>True or false.</summary>
    internal bool Flag(string key, bool otherwise)
    {
        if (Find(key) is not { } value) return otherwise;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False) return value.GetBoolean();
        Wrong(key, "true or false");
        return otherwise;
    }

    /// <summary>A string, or null where it is absent.</summary>
    internal string? Text(string key)
    {
        if (Find(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.String) return value.GetString();
        Wrong(key, "a string");
        return null;
    }

    /// <summary>A list of strings, or null where it is absent.</summary>
    internal IReadOnlyList<string>? Texts(string key)
    {
        if (Find(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().Select(item => item.GetString()!)];
        Wrong(key, "a list of strings");
        return null;
    }

    /// <summary>An activation by transformers' name.</summary>
    internal Activation Act(string key, Activation otherwise)
    {
        switch (Text(key))
        {
            case null: return otherwise;
            case "gelu_pytorch_tanh" or "gelu_new": return Activation.GeluTanh;
            case "gelu": return Activation.Gelu;
            case "quick_gelu": return Activation.QuickGelu;
            case "silu" or "swish": return Activation.Silu;
        }
        Wrong(key, "one of 'gelu_pytorch_tanh', 'gelu', 'quick_gelu', 'silu'");
        return otherwise;
    }

    /// <summary>Reports a rule as broken unless it holds.</summary>
    internal void Require(bool holds, string key, string message)
    {
        if (!holds && !problems.Touches(At(key))) problems.Add(At(key), message);
    }

    /// <summary>Reports a type of model that is not known here.</summary>
    internal void Unsupported(string what, params IEnumerable<string> supported) =>
        problems.Add(At("model_type"), $"'{ModelType}' is not supported as {what}; supported are {string.Join(", ", supported)}");

    /// <summary>Ends the reading.</summary>
    /// <exception cref="ConfigurationException">There were mistakes; all are listed.</exception>
    internal void ThrowIfAny() => problems.ThrowIfAny(Source);

    private JsonElement? Find(string key) => json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private void Wrong(string key, string expected)
    {
        if (problems.Touches(At(key))) return; // a family built on another reads some keys again
        var found = Find(key)!.Value.GetRawText();
        problems.Add(At(key), $"expected {expected}, found {(found.Length > 80 ? found[..80] + "..." : found)}");
    }

    private string At(string key) => ConfigurationProblems.Member(path, key);
}
