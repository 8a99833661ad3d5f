using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Running;

/// <summary>One item of a benchmark as it was asked and answered.</summary>
public sealed record ItemResult
{
    /// <summary>Names it within its benchmark; <c>#17</c> (its place, from 0) where it could not even be read.</summary>
    public required string Id { get; init; }

    /// <summary>What was asked.</summary>
    public string Question { get; init; } = "";

    /// <summary>The names of its images, relative to the data's folder where they lie in it.</summary>
    public IReadOnlyList<string> Images { get; init; } = [];

    /// <summary>What the answer is held against.</summary>
    public Reference Reference { get; init; } = new();

    /// <summary>The raw answer.</summary>
    public string Answer { get; init; } = "";

    /// <summary>What the rules read the answer as; null where that is the answer itself.</summary>
    public string? Extracted { get; init; }

    /// <summary>0 (wrong) to 1 (right).</summary>
    public double Score { get; init; }

    /// <summary>Why it was not asked, which counts as wrong; null: it was.</summary>
    public string? Error { get; init; }

    /// <summary>As rules score it and benchmarks sum it up.</summary>
    public ScoredItem Scored() => new(Id, Reference, Answer, Score, Extracted);
}

/// <summary>An item with its answer.</summary>
/// <param name="Item">The item.</param>
/// <param name="Result">The answer.</param>
public sealed record AnsweredItem(TaskItem Item, ItemResult Result);
