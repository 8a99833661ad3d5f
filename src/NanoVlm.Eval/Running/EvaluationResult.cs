using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Evaluation.Towers;

namespace NanoVlm.Evaluation.Running;

/// <summary>What an evaluation came to, and all that it depends on. Its file has neither times nor paths of the machine, so that equal evaluations are equal files.</summary>
public sealed record EvaluationResult
{
    /// <summary>The format that is written.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The format of the file.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The version of this library.</summary>
    public string Library { get; init; } = typeof(EvaluationResult).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <summary>The model.</summary>
    public required EvaluatedModel Model { get; init; }

    /// <summary>The name of the rules that answers are scored by.</summary>
    public required string Rules { get; init; }

    /// <summary>Whether the model saw a flat grey picture in place of every image.</summary>
    public bool Blind { get; init; }

    /// <summary>Items of each benchmark; null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>Images at a time: answers of large batches may differ from those of small ones, by rounding.</summary>
    public int BatchSize { get; init; }

    /// <summary>The benchmarks, in the order asked for.</summary>
    public required IReadOnlyList<TaskResult> Tasks { get; init; }

    /// <summary>A benchmark's result.</summary>
    /// <param name="task">Its name.</param>
    public TaskResult? Of(string task) => Tasks.FirstOrDefault(result => result.Task == task);

    /// <summary>The same answers scored by other rules.</summary>
    /// <param name="rules">The rules.</param>
    /// <exception cref="NanoVlmException">There is no such benchmark here.</exception>
    public EvaluationResult Rescored(Rules rules) => this with { Rules = rules.Name, Tasks = [.. Tasks.Select(task => task.Rescored(rules))] };

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <param name="path">Where to.</param>
    /// <exception cref="NanoVlmException">It cannot be written.</exception>
    public void Save(string path) => WholeFile.Write(path, ToJson());

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="NanoVlmException">It cannot be read, or is not such a file.</exception>
    public static EvaluationResult Load(string path)
    {
        try
        {
            var json = File.ReadAllBytes(path);
            using (var document = JsonDocument.Parse(json))
            {
                if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("format", out var format) || !format.TryGetInt32(out var number))
                    throw new NanoVlmException($"{path}: is not a result of an evaluation: it has no \"format\"; expected a file that 'eval' wrote.");
                if (number != CurrentFormat) throw new NanoVlmException($"{path}: has format {number}; this version reads format {CurrentFormat}. Evaluate again, or use the version that wrote it.");
            }
            var result = JsonSerializer.Deserialize<EvaluationResult>(json, EvaluationJson.Read)!;
            return result.Tasks.All(task => task is not null && task.Items.All(item => item is not null)) ? result : throw new JsonException("a benchmark or an item is null.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {e.Message}", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new NanoVlmException($"{path}: is not a result of an evaluation: {e.Message}", e);
        }
    }

    /// <summary>The file's text: an item a line.</summary>
    public string ToJson()
    {
        var text = new StringBuilder(Open(this with { Tasks = [] }, "tasks", 0)).Append('[');
        foreach (var (number, task) in Tasks.Index())
        {
            text.Append(number == 0 ? "\n    " : ",\n    ").Append(Open(task with { Items = [] }, "items", 4)).Append('[');
            foreach (var (place, item) in task.Items.Index())
                text.Append(place == 0 ? "\n        " : ",\n        ").Append(JsonSerializer.Serialize(item, EvaluationJson.Line));
            text.Append(task.Items.Count == 0 ? "]\n    }" : "\n      ]\n    }");
        }
        return text.Append(Tasks.Count == 0 ? "]\n}\n" : "\n  ]\n}\n").ToString();
    }

    // An object up to where the value of its last key begins.
    private static string Open<T>(T value, string last, int indent)
    {
        var json = JsonSerializer.SerializeToNode(value, EvaluationJson.Line)!.AsObject();
        json.Remove(last);
        var pad = new string(' ', indent);
        return json.ToJsonString(EvaluationJson.Indented)[..^2].Replace("\n", "\n" + pad, StringComparison.Ordinal) + $",\n{pad}  \"{last}\": ";
    }
}

/// <summary>The model that was asked.</summary>
public sealed record EvaluatedModel
{
    /// <summary>Its folder, by name: <c>RUN/step_000500</c> where it lies in a run's folder.</summary>
    public required string Name { get; init; }

    /// <summary>The SHA-256 of its weights file; of shards, that of their sums, a line each as <c>sha256sum</c> prints them.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>The dtype of activations: <c>fp32</c> or <c>bf16</c>.</summary>
    public required string Precision { get; init; }

    /// <summary>Its <c>config.json</c>.</summary>
    public required JsonObject Config { get; init; }
}

/// <summary>What a benchmark came to.</summary>
public sealed record TaskResult
{
    /// <summary>Its name.</summary>
    public required string Task { get; init; }

    /// <summary>Where its data was, as it was named; null: the published data set.</summary>
    public string? Data { get; init; }

    /// <summary>The split; null: the published one.</summary>
    public string? Split { get; init; }

    /// <summary>The name of the prompt formats.</summary>
    public required string Prompts { get; init; }

    /// <summary>Their version.</summary>
    public required string PromptsVersion { get; init; }

    /// <summary>How answers are made: the most likely token each time.</summary>
    public string Decoding { get; init; } = "greedy";

    /// <summary>The longest answer, in tokens.</summary>
    public int MaxNewTokens { get; init; }

    /// <summary>Texts that end an answer.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>How many items there are.</summary>
    public int Count { get; init; }

    /// <summary>Items that could not be asked, which count as wrong.</summary>
    public int Errors { get; init; }

    /// <summary>Its figures, the headline first.</summary>
    public IReadOnlyList<Figure> Figures { get; init; } = [];

    /// <summary>Its items in the published order.</summary>
    public IReadOnlyList<ItemResult> Items { get; init; } = [];

    /// <summary>The same with items and what they come to.</summary>
    /// <param name="task">The benchmark.</param>
    /// <param name="items">Its items in the published order.</param>
    /// <param name="rules">By which rules.</param>
    public TaskResult With(EvalTask task, IReadOnlyList<ItemResult> items, Rules rules) => this with
    {
        Items = items,
        Count = items.Count,
        Errors = items.Count(item => item.Error is not null),
        Figures = task.Summarize([.. items.Select(item => item.Scored())], rules),
    };

    internal TaskResult Rescored(Rules rules)
    {
        if (TowerTasks.Names.Contains(Task)) return this; // vectors are right or wrong by any rules
        var task = Benchmarks.Named(Task);
        return With(task, [.. Items.Select(Scored)], rules);

        ItemResult Scored(ItemResult item)
        {
            if (item.Error is not null) return item;
            var scored = task.Score(item.Id, item.Reference, item.Answer, rules);
            return item with { Score = scored.Score, Extracted = scored.Extracted };
        }
    }
}
