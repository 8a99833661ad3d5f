using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Evaluation.Running;

/// <summary>
/// An evaluation with a file: answers are kept as they come, so that a process goes on where another stopped, and the file is written when all are there. However
/// often it was stopped and over however many processes it was spread, the file is the same.
/// </summary>
public sealed class Evaluation
{
    private readonly IReadOnlyList<TaskRequest> requests;
    private readonly EvaluationOptions options;
    private readonly EvaluationResult settings; // the result without its items
    private readonly string partial;
    private readonly bool restart;

    /// <summary>Opens the benchmarks and what is answered already: everything that can be wrong is found here.</summary>
    /// <param name="model">The model that will be asked.</param>
    /// <param name="requests">The benchmarks.</param>
    /// <param name="options">How.</param>
    /// <param name="output">The result's file.</param>
    /// <param name="restart">Whether to begin anew, whatever was answered.</param>
    /// <exception cref="NanoVlmException">Data is missing or not as published, or the file, or the answers beside it, are of another evaluation.</exception>
    public Evaluation(EvaluatedModel model, IReadOnlyList<TaskRequest> requests, EvaluationOptions options, string output, bool restart = false)
    {
        (this.requests, this.options, Output, partial, this.restart) = (requests, options, output, output + ".partial.jsonl", restart);
        if (Directory.Exists(output)) throw new NanoVlmException($"{output}: is a folder; name a file with --output.");
        Items = [.. requests.Select(request => Limited(request.Task.Open(request.Data), options.Limit))];
        settings = new EvaluationResult
        {
            Model = model,
            Rules = options.Rules.Name,
            Blind = options.Blind,
            Limit = options.Limit,
            BatchSize = options.BatchSize,
            Tasks = [.. requests.Select((request, i) => new TaskResult
            {
                Task = request.Task.Name,
                Data = request.Data.Path,
                Split = request.Data.Split,
                Prompts = request.Data.Prompts,
                PromptsVersion = request.Task.PromptsVersionWith(request.Data.Prompts),
                MaxNewTokens = options.MaxNewTokens ?? request.Task.MaxNewTokensWith(request.Data.Prompts),
                StopStrings = request.Task.StopStringsWith(request.Data.Prompts),
                Count = Items[i].Count,
            })],
        };
        if (restart) DeletePartial();
        Answers(); // of this evaluation, or refused
        if (restart || !File.Exists(output)) return;
        var result = EvaluationResult.Load(output);
        Require(output, Settings(result));
        Result = result;
    }

    /// <summary>The result's file.</summary>
    public string Output { get; }

    /// <summary>The items of each benchmark, after the limit.</summary>
    public IReadOnlyList<IReadOnlyList<TaskItem>> Items { get; }

    /// <summary>The result, once it is there; at the beginning where the file was there already.</summary>
    public EvaluationResult? Result { get; private set; }

    /// <summary>Where answers are kept until all are there.</summary>
    public string PartialPath => partial;

    /// <summary>Asks what is not answered of this process's share. <see cref="Finish"/> follows where no other process has a share.</summary>
    /// <param name="runner">Asks, by the same options.</param>
    /// <param name="progress">Hears of each batch: of how many items it is, and the sum of their scores.</param>
    /// <param name="warn">Hears of items that count as wrong.</param>
    /// <param name="cancellation">Stops between tokens; what is answered is kept.</param>
    /// <exception cref="NanoVlmException">The answers so far are of another evaluation, or another process has this share.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Run(EvaluationRunner runner, Action<EvaluationProgress> progress, Action<string> warn, CancellationToken cancellation)
    {
        if (Result is not null) return;
        using var file = new PartialResults(Own, Settings(settings));
        var answers = Answers();
        for (var i = 0; i < requests.Count; i++)
        {
            var (task, answered, nameless) = (requests[i].Task, answers[i], Nameless(requests[i].Data));
            runner.Ask(task, requests[i].Data.Prompts, Items[i], index => answered[index] is not null, batch =>
            {
                var named = batch.Select(entry => (entry.Index, Item: entry.Item with { Images = [.. entry.Item.Images.Select(nameless)], Error = entry.Item.Error is { } error ? nameless(error) : null })).ToArray();
                file.Add(task.Name, named);
                var added = named.Where(entry => answered[entry.Index] is null).ToArray(); // some may be of a batch that was cut short before
                progress(new EvaluationProgress(task.Name, added.Length, answered.Length, added.Sum(entry => entry.Item.Score)));
            }, warn, cancellation);
        }
    }

    /// <summary>How far each benchmark is, by all processes' files.</summary>
    public IReadOnlyList<EvaluationProgress> Progress() =>
        [.. Answers().Select((items, i) => new EvaluationProgress(requests[i].Task.Name, items.Count(item => item is not null), items.Length, items.Sum(item => item?.Score ?? 0)))];

    /// <summary>Puts the answers together and writes the file.</summary>
    /// <returns>The result; null: some items are not answered yet.</returns>
    /// <exception cref="NanoVlmException">It cannot be written.</exception>
    public EvaluationResult? Finish()
    {
        if (Result is null)
        {
            var answers = Answers();
            if (answers.Any(items => items.Contains(null))) return null;
            var result = settings with { Tasks = [.. settings.Tasks.Select((task, i) => task.With(requests[i].Task, answers[i]!, options.Rules))] };
            result.Save(Output);
            Result = result;
        }
        DeletePartial();
        return Result;
    }

    private string Own => options.Shares == 1 ? partial : $"{partial}.rank{options.Share}";

    // What other shares have answered is theirs to begin anew.
    private IEnumerable<string> Files() => PartialResults.FilesOf(partial).Where(path => !restart || options.Shares == 1 || Path.GetFileName(path) == Path.GetFileName(Own));

    private ItemResult?[][] Answers()
    {
        var answers = Items.Select(items => new ItemResult?[items.Count]).ToArray();
        foreach (var path in Files())
        {
            var read = new List<(string Task, int Index, ItemResult Item)>();
            if (PartialResults.Read(path, (task, index, item) => read.Add((task, index, item))) is { } found) Require(path, found);
            foreach (var (task, index, item) in read) answers[requests.Index().First(request => request.Item.Task.Name == task).Index][index] = item;
        }
        return answers;
    }

    private void DeletePartial()
    {
        foreach (var path in Files()) File.Delete(path);
    }

    private static JsonObject Settings(EvaluationResult result) => JsonSerializer.SerializeToNode(
        result with { Tasks = [.. result.Tasks.Select(task => task with { Figures = [], Items = [], Errors = 0 })] }, EvaluationJson.Line)!.AsObject();

    // Only what is equal in all that answers depend on can be gone on with.
    private void Require(string path, JsonObject found)
    {
        var differences = new List<string>();
        Compare("", Settings(settings), found, differences);
        if (differences.Count == 0) return;
        var more = differences.Count > 3 ? $", and {differences.Count - 3} more" : "";
        var rescore = differences.Count == 1 && differences[0].StartsWith("rules ", StringComparison.Ordinal) && path == Output ? " (or score the answers in it anew: rescore)" : "";
        throw new NanoVlmException(
            $"{path}: is of another evaluation: {string.Join(", ", differences.Take(3))}{more}. Evaluate with the same settings to go on, name another file with --output{rescore}, or begin anew with --restart.");
    }

    private static void Compare(string path, JsonNode? mine, JsonNode? found, List<string> differences)
    {
        if (mine is JsonObject one && found is JsonObject other)
        {
            foreach (var key in one.Select(pair => pair.Key).Union(other.Select(pair => pair.Key)))
                Compare(path == "" ? key : $"{path}.{key}", one[key], other[key], differences);
        }
        else if (mine is JsonArray list && found is JsonArray others && list.Count == others.Count)
        {
            for (var i = 0; i < list.Count; i++) Compare($"{path}[{i}]", list[i], others[i], differences);
        }
        else if (!JsonNode.DeepEquals(mine, found))
        {
            differences.Add($"{path} is {Short(found)} there, {Short(mine)} now");
        }

        static string Short(JsonNode? node) => node?.ToJsonString(EvaluationJson.Line) switch
        {
            null => "nothing",
            { Length: > 80 } text => text[..80] + "...",
            var text => text,
        };
    }

    // None of the items is read here: one that cannot be is an error of its own when it is asked.
    internal static IReadOnlyList<TaskItem> Limited(IReadOnlyList<TaskItem> items, int? limit) => limit < items.Count ? new First(items, limit.Value) : items;

    // Files by their names within the data's folder or the Hub's snapshot: the result says nothing of the machine.
    internal static Func<string, string> Nameless(TaskData data)
    {
        var full = data.Path is null ? null : Path.GetFullPath(data.Path);
        var folder = full is null ? null : Path.TrimEndingDirectorySeparator(Directory.Exists(full) ? full : Path.GetDirectoryName(full)!) + Path.DirectorySeparatorChar;
        var cache = data.Hub?.Invoke() ?? new HubClient();
        var snapshot = new Regex($"{Regex.Escape(cache.CacheFolder)}/[^/]+/snapshots/[0-9a-f]+/");
        cache.Dispose();
        return text => snapshot.Replace(folder is null ? text : text.Replace(folder, "", StringComparison.Ordinal), "");
    }

    private sealed class First(IReadOnlyList<TaskItem> items, int count) : IReadOnlyList<TaskItem>
    {
        public int Count => count;

        public TaskItem this[int index] => items[index];

        public IEnumerator<TaskItem> GetEnumerator() => items.Take(count).GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
