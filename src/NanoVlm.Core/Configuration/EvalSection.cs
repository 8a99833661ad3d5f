using System.ComponentModel.DataAnnotations;

namespace NanoVlm.Configuration;

/// <summary>The evaluation after training: <c>eval</c> in a run's configuration.</summary>
public sealed record EvalSection : IChecked
{
    /// <summary>Benchmarks to score besides the test split.</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];

    /// <summary>Questions of each; null asks all.</summary>
    [Range(1, int.MaxValue)]
    public int? Limit { get; init; }

    /// <summary>Images at a time, each with all its questions.</summary>
    [Range(1, int.MaxValue)]
    public int BatchSize { get; init; } = 16;

    void IChecked.Check(ConfigurationRules rules) =>
        rules.Require(Tasks.Count == 0, "tasks", "benchmarks are not available yet; leave it out: the test split is scored anyway");
}
