using System.Text.Json;
using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>
/// Questions of one's own: a JSONL file with an object a line, and images. <c>{"question": ..., "answer": ...}</c>, with <c>image</c> or <c>images</c> (paths relative
/// to the file), <c>answers</c> where several are right, and <c>id</c>, <c>category</c> and <c>metric</c> where wanted. Each line is scored by its metric.
/// </summary>
internal sealed class VqaJsonlTask : EvalTask
{
    private static readonly string[] metrics = ["exact", "vqa", "anls", "relaxed", "contains"];

    /// <inheritdoc/>
    public override string Name => "vqa-jsonl";

    /// <inheritdoc/>
    public override int MaxNewTokens => 64;

    /// <summary>Reads the whole file: what is wrong with it is found before the model is asked.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<TaskItem> Open(TaskData data)
    {
        if (data.Path is null) throw new NanoVlmException($"{Name}: name the file of questions: --data FILE.jsonl, or --data {Name}=FILE.jsonl beside other benchmarks.");
        var paths = DataFiles.Find(data.Path, [".jsonl"], split: Directory.Exists(data.Path) ? data.Split : null);
        var items = new List<TaskItem>();
        var ids = new Dictionary<string, string>();
        foreach (var path in paths)
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            foreach (var (number, text) in Lines(path).Index())
            {
                if (string.IsNullOrWhiteSpace(text)) continue;
                var origin = $"{path}:{number + 1}";
                var item = Read(text, origin, folder, $"{items.Count}");
                if (!ids.TryAdd(item.Id, origin)) throw new NanoVlmException($"{origin}: \"id\" is '{item.Id}', as on {ids[item.Id]}; ids must differ.");
                items.Add(item);
            }
        }
        return items.Count > 0 ? items : throw new NanoVlmException($"{data.Path}: has no questions; expected one JSON object a line with \"question\" and \"answer\".");
    }

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) => new(id, reference, answer, reference.Kind switch
    {
        "vqa" => VqaAccuracy.Score(answer, reference.Answers, rules),
        "anls" => Anls.Score(answer, reference.Answers, rules),
        "relaxed" => reference.Answers.Max(target => RelaxedAccuracy.Score(answer, target, rules)),
        "contains" => reference.Answers.Any(right => answer.Contains(right.Trim(), StringComparison.OrdinalIgnoreCase)) ? 1 : 0,
        _ => reference.Answers.Any(right => string.Equals(answer.Trim(), right.Trim(), StringComparison.OrdinalIgnoreCase)) ? 1 : 0,
    });

    /// <summary>The mean score, and that of each category.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules) => [Figures.Mean("score", items), .. Figures.MeanByCategory(items)];

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static TaskItem Read(string text, string origin, string folder, string number)
    {
        JsonElement row;
        try
        {
            using var json = JsonDocument.Parse(text);
            row = json.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new NanoVlmException($"{origin}: not valid JSON at byte {e.BytePositionInLine}; expected one JSON object a line.", e);
        }
        if (row.ValueKind != JsonValueKind.Object) throw new NanoVlmException($"{origin}: expected a JSON object, found {Short(row)}.");
        var question = Text("question") ?? throw Missing("question");
        string[] answers = List("answers") is { Length: > 0 } several ? several : Text("answer") is { } one ? [one] : throw Missing("answer");
        var metric = Text("metric") ?? "exact";
        if (!metrics.Contains(metric)) throw new NanoVlmException($"{origin}: \"metric\" is '{metric}'; there are {string.Join(", ", metrics)}.");
        if (metric == "vqa" && answers.Length < 2) throw new NanoVlmException($"{origin}: \"metric\" is 'vqa', which counts how many people gave an answer; \"answers\" must hold those of several (the published sets have 10).");
        string[] images = List("images") ?? (Text("image") is { } image ? [image] : []);
        return new TaskItem(Text("id") ?? number, question, [.. images.Select(Stored)], new Reference { Answers = answers, Category = Text("category") ?? "", Kind = metric });

        string? Text(string key) => !row.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null ? null : TextOf(value, $"\"{key}\"");

        string TextOf(JsonElement value, string what) => value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            _ => throw new NanoVlmException($"{origin}: {what} must be a text or a number; found {Short(value)}."),
        };

        string[]? List(string key) => !row.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null ? null
            : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select((part, i) => TextOf(part, $"\"{key}\"[{i}]"))]
            : throw new NanoVlmException($"{origin}: \"{key}\" must be a list of texts; found {Short(value)}.");

        // One that is not there is an error of this question alone, when it is asked.
        StoredImage Stored(string name) => new(Path.Combine(folder, name));

        NanoVlmException Missing(string key)
        {
            string[] found = [.. row.EnumerateObject().Select(property => property.Name)];
            var slip = found.FirstOrDefault(name => name.Equals(key, StringComparison.OrdinalIgnoreCase));
            return new NanoVlmException($"{origin}: the key \"{key}\"{(key == "answer" ? " (or \"answers\")" : "")} is missing{(slip is null ? "" : $" (\"{slip}\" is another)")}; found {(found.Length > 0 ? string.Join(", ", found.Select(name => $"\"{name}\"")) : "no keys")}.");
        }

        static string Short(JsonElement value) => value.GetRawText() is { Length: > 60 } text ? text[..60] + " ..." : value.GetRawText();
    }
}
