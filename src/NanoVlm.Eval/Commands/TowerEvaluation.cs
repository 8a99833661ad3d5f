using System.Text.Json.Nodes;
using NanoVlm.Configuration;
using NanoVlm.Evaluation.Running;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Models;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Commands;

/// <summary>What <c>eval</c> does of a vision tower's tasks: the same file and table, from vectors instead of answers.</summary>
internal static class TowerEvaluation
{
    /// <summary>Whether a command line asks for such tasks.</summary>
    /// <exception cref="ConfigurationException">It asks for these and for benchmarks of language too.</exception>
    internal static bool IsAskedFor(IReadOnlyList<string> names)
    {
        if (!names.Any(TowerTasks.Names.Contains)) return false;
        return names.FirstOrDefault(name => !TowerTasks.Names.Contains(name)) is { } other
            ? throw new ConfigurationException("the command line", [new("--tasks", $"'{other}' is asked in words, {names.First(TowerTasks.Names.Contains)} of a vision tower; evaluate them apart")])
            : true;
    }

    internal static int Run(IReadOnlyList<string> names, string model, Func<string, string?> dataOf, Func<string, string?> splitOf, EvaluationOptions options, string? output, string? page)
    {
        set_num_threads(Environment.ProcessorCount); // libtorch's own default is 1 on some virtual machines
        var said = new EvaluationDisplay();
        if (!Directory.Exists(model)) throw new NanoVlmException($"{model}: no such folder; give a model folder.");
        var config = Checkpoint.IsHuggingFace(model) ? JsonNode.Parse(File.ReadAllText(Path.Combine(model, VlmConfig.FileName)))!.AsObject() : JsonNode.Parse(Checkpoint.Config(model).ToJson())!.AsObject();
        var identity = ModelIdentity.Of(model, ScalarType.Float32, config);
        var tasks = names.Select(name =>
        {
            var data = dataOf(name) ?? throw new ConfigurationException("the command line", [new("--data", $"{name} needs pictures; write --data {(names.Count > 1 ? name + "=" : "")}PATH")]);
            var (figures, items) = TowerTasks.Run(name, model, data, new TowerTaskOptions { Limit = options.Limit, Split = splitOf(name), Said = said.Say });
            var nameless = Running.Evaluation.Nameless(new TaskData(data));
            return new TaskResult
            {
                Task = name,
                Data = data,
                Split = splitOf(name),
                Prompts = "none",
                PromptsVersion = "1",
                Decoding = "nearest",
                Count = items.Count,
                Errors = items.Count(item => TowerTasks.ErrorOf(item) is not null),
                Figures = figures,
                Items = [.. items.Select(item => Result(item))],
            };

            ItemResult Result(ScoredItem item)
            {
                var error = TowerTasks.ErrorOf(item);
                return new ItemResult { Id = item.Id, Reference = item.Reference, Answer = item.Answer, Extracted = error is null ? item.Extracted : null, Score = item.Score, Error = error is null ? null : nameless(error) };
            }
        }).ToArray();
        var result = new EvaluationResult { Model = identity, Rules = options.Rules.Name, Limit = options.Limit, Tasks = tasks };
        output ??= Path.Combine(EvaluationFiles.FolderOf(model), EvaluationFiles.NameOf(identity, names, options));
        result.Save(output);
        StandardOutput.Open().Write(ResultTable.Of(result));
        if (page is not null) ResultsPage.Write(page, [(output, result)]);
        Console.WriteLine($"result: {output}{(page is null ? "" : $"\npage: {page}")}");
        return 0;
    }
}
