using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Running;

/// <summary>How benchmarks are run.</summary>
public sealed record EvaluationOptions
{
    /// <summary>By which rules answers are scored.</summary>
    public Rules Rules { get; init; } = Rules.Lmms071;

    /// <summary>Images at a time, each with the questions asked about it side by side (at most <see cref="BatchPlan.MostQuestions"/>).</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Items of each benchmark, taken in order; null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>The longest answer in tokens; null: as each benchmark has it.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Whether the model sees a flat grey picture in place of every image.</summary>
    public bool Blind { get; init; }

    /// <summary>Which share of the batches is done here, from 0.</summary>
    public int Share { get; init; }

    /// <summary>How many shares there are: each process does its own.</summary>
    public int Shares { get; init; } = 1;
}

/// <summary>A benchmark to run.</summary>
/// <param name="Task">The benchmark.</param>
/// <param name="Data">Where its questions are.</param>
public sealed record TaskRequest(EvalTask Task, TaskData Data);

/// <summary>How far a benchmark is.</summary>
/// <param name="Task">Its name.</param>
/// <param name="Done">Items answered.</param>
/// <param name="Count">Items in all.</param>
/// <param name="Score">The sum of their scores.</param>
public sealed record EvaluationProgress(string Task, int Done, int Count, double Score);
