using System.Text.Json;
using System.Text.Json.Serialization;
using NanoVlm.Configuration;

namespace NanoVlm.Evaluation.Prompts;

/// <summary>The prompt formats of a harness: data, in the JSON files beside this one, which are parts of the library.</summary>
internal sealed record PromptSet
{
    /// <summary>The sets that are part of the library.</summary>
    public static readonly IReadOnlyList<string> Names = ["lmms", "nanovlm", "vlmevalkit"];

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.General)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private static readonly Dictionary<string, Lazy<PromptSet>> BuiltIn = Names.ToDictionary(name => name, name => new Lazy<PromptSet>(() =>
    {
        using var stream = typeof(PromptSet).Assembly.GetManifestResourceStream($"NanoVlm.Evaluation.Prompts.{name}.json")!;
        return JsonSerializer.Deserialize<PromptSet>(stream, Json)! with { Name = name };
    }));

    /// <summary>What it is called.</summary>
    [JsonIgnore]
    public string Name { get; init; } = "";

    /// <summary>What it reproduces, and of when; part of a result.</summary>
    public required string Version { get; init; }

    /// <summary>What a reader should know.</summary>
    public string Notes { get; init; } = "";

    /// <summary>A format for each benchmark.</summary>
    public required IReadOnlyDictionary<string, PromptFormat> Tasks { get; init; }

    /// <summary>Finds a set.</summary>
    /// <param name="name">One of <see cref="Names"/>, or a file of the same form, which ends in <c>.json</c>.</param>
    /// <exception cref="NanoVlmException">There is none of that name, or the file cannot be read.</exception>
    public static PromptSet Named(string name)
    {
        if (BuiltIn.TryGetValue(name, out var set)) return set.Value;
        if (!name.EndsWith(".json", StringComparison.Ordinal))
            throw new NanoVlmException($"There are no prompts '{name}'{NearestName.Suggestion(NearestName.Of(name, Names))}; there are {string.Join(", ", Names)}, or name a file that ends in .json.");
        try
        {
            return (JsonSerializer.Deserialize<PromptSet>(File.ReadAllBytes(name), Json) ?? throw new JsonException("it is null.")) with { Name = name };
        }
        catch (JsonException error)
        {
            throw new NanoVlmException($"{name}: not a set of prompts: {error.Message} See docs/tasks.md.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{name}: cannot be read: {error.Message}", error);
        }
    }

    /// <summary>The format of a benchmark.</summary>
    /// <param name="task">Its name.</param>
    /// <exception cref="NanoVlmException">The set has none for it.</exception>
    public PromptFormat For(string task) => Tasks.GetValueOrDefault(task)
        ?? throw new NanoVlmException($"The prompts '{Name}' have no format for {task}; they have {string.Join(", ", Tasks.Keys.Order(StringComparer.Ordinal))}.");
}
