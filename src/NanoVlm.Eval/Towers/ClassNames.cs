using System.Text.Json;

namespace NanoVlm.Evaluation.Towers;

/// <summary>How classes are put into words: each label's names, and sentences with <c>{}</c> in a name's place.</summary>
/// <param name="Names">The names of each label, the first for people.</param>
/// <param name="Templates">The sentences.</param>
internal sealed record ClassNames(IReadOnlyDictionary<string, IReadOnlyList<string>> Names, IReadOnlyList<string> Templates)
{
    /// <summary>What SigLIP's processors say where nothing else is asked for.</summary>
    public static readonly IReadOnlyList<string> DefaultTemplates = ["This is a photo of {}."];

    /// <summary>The file that is taken from a set's folder where none is named.</summary>
    public const string FileName = "classes.json";

    /// <summary>Labels that are names themselves; underscores stand for spaces.</summary>
    /// <param name="labels">The labels.</param>
    public static ClassNames Of(IEnumerable<string> labels) =>
        new(labels.Distinct().ToDictionary(label => label, label => (IReadOnlyList<string>)[label.Replace('_', ' ')]), DefaultTemplates);

    /// <summary>Reads <c>{"classes": ..., "templates": ["a photo of a {}.", ...]}</c>. <c>classes</c> is an object from labels to a name or a list of names, or
    /// a list of names by which labels are told where they are names, and by whose places where they are numbers.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="NanoVlmException">The file cannot be read or is not as described.</exception>
    public static ClassNames Load(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("classes", out var classes)) throw Wrong("expected a JSON object with the key \"classes\"");
            var names = new Dictionary<string, IReadOnlyList<string>>();
            if (classes.ValueKind == JsonValueKind.Array)
            {
                var number = 0;
                foreach (var element in classes.EnumerateArray())
                {
                    var texts = Texts(element, "classes");
                    names[$"{number++}"] = texts;
                    names[texts[0]] = texts;
                }
            }
            else if (classes.ValueKind == JsonValueKind.Object)
                foreach (var member in classes.EnumerateObject()) names[member.Name] = Texts(member.Value, $"classes.{member.Name}");
            else throw Wrong("\"classes\" must be an object from labels to names, or a list of names");
            if (names.Count == 0) throw Wrong("\"classes\" is empty");
            var templates = json.RootElement.TryGetProperty("templates", out var given) ? Texts(given, "templates") : DefaultTemplates;
            return templates.FirstOrDefault(template => !template.Contains("{}", StringComparison.Ordinal)) is { } bad
                ? throw Wrong($"the template '{bad}' has no {{}}, where a class's name goes")
                : new ClassNames(names, templates);
        }
        catch (JsonException error)
        {
            throw new NanoVlmException($"{path}: not valid JSON: {error.Message}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {error.Message}", error);
        }

        NanoVlmException Wrong(string what) => new($"{path}: {what}.");

        IReadOnlyList<string> Texts(JsonElement value, string key) => value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!],
            JsonValueKind.Array when value.GetArrayLength() > 0 && value.EnumerateArray().All(text => text.ValueKind == JsonValueKind.String) => [.. value.EnumerateArray().Select(text => text.GetString()!)],
            _ => throw Wrong($"\"{key}\" must be a text or a list of texts"),
        };
    }

    /// <summary>A label's sentences: every name in every template.</summary>
    /// <param name="label">The label.</param>
    public IReadOnlyList<string> Sentences(string label) =>
        [.. Templates.SelectMany(template => Names[label].Select(name => template.Replace("{}", name, StringComparison.Ordinal)))];
}
