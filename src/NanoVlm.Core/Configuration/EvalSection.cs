using System.ComponentModel.DataAnnotations;

namespace NanoVlm.Configuration;

/// <summary>The evaluation after training: <c>eval</c> in a run's configuration.</summary>
public sealed record EvalSection : IChecked
{
    /// <summary>Benchmarks to score the best checkpoint on, besides the test split: names as <c>eval --tasks</c> takes them.</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];

    /// <summary>Where the data of benchmarks is, by their names: files or folders, as <c>eval --data</c> takes them. The others are the published data sets.</summary>
    public IReadOnlyDictionary<string, string> Data { get; init; } = new Dictionary<string, string>();

    /// <summary>Questions of each; null asks all.</summary>
    [Range(1, int.MaxValue)]
    public int? Limit { get; init; }

    /// <summary>Questions of each benchmark in <see cref="Tasks"/> that are asked while training, with every validation (<c>train.eval_every</c>); null: none.</summary>
    [Range(1, int.MaxValue)]
    public int? DuringTrainingLimit { get; init; }

    /// <summary>Images at a time, each with all its questions.</summary>
    [Range(1, int.MaxValue)]
    public int BatchSize { get; init; } = 16;

    void IChecked.Check(ConfigurationRules rules)
    {
        rules.Require(Tasks.Count > 0 || DuringTrainingLimit is null, "during_training_limit", "there are no benchmarks to ask questions of; name some in eval.tasks", "tasks");
        rules.Require(Data.Keys.All(Tasks.Contains), "data", $"names '{Data.Keys.FirstOrDefault(name => !Tasks.Contains(name))}', which is not in eval.tasks", "tasks");
    }
}
