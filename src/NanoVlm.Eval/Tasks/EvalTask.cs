using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>A benchmark: where its questions are, how they are asked, and how answers are scored.</summary>
public abstract class EvalTask
{
    /// <summary>As <c>--tasks</c> names it, such as <c>mmstar</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The longest answer, in tokens, as published.</summary>
    public abstract int MaxNewTokens { get; }

    /// <summary>Texts that end an answer.</summary>
    public virtual IReadOnlyList<string> StopStrings => [];

    /// <summary>The version of its prompts: another one where the same data gives other questions.</summary>
    public virtual string PromptsVersion => "1";

    /// <summary>Opens its questions.</summary>
    /// <param name="data">Where they are.</param>
    /// <returns>The questions in the published order. Reading one can throw <see cref="NanoVlmException"/>, which is that item's alone.</returns>
    /// <exception cref="NanoVlmException">Files are missing, or their columns are not as published.</exception>
    public abstract IReadOnlyList<TaskItem> Open(TaskData data);

    /// <summary>Scores an answer.</summary>
    /// <param name="id">The item's id; where rules guess, it seeds the guess.</param>
    /// <param name="reference">What it is held against.</param>
    /// <param name="answer">The raw answer.</param>
    /// <param name="rules">By which rules.</param>
    public abstract ScoredItem Score(string id, Reference reference, string answer, Rules rules);

    /// <summary>The benchmark's figures, the headline first.</summary>
    /// <param name="items">All scored items.</param>
    /// <param name="rules">By which rules.</param>
    public abstract IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules);
}

/// <summary>Where a benchmark's questions are, and how they are asked.</summary>
/// <param name="Path">A local file or folder, or null: the published data set, from the Hub's cache or the Hub.</param>
/// <param name="Prompts">The name of the prompt formats: <c>lmms</c>, <c>nanovlm</c> or <c>vlmevalkit</c>.</param>
/// <param name="Split">The split where it is not the published one; null: that.</param>
public sealed record TaskData(string? Path, string Prompts = "lmms", string? Split = null);
