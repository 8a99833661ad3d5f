using NanoVlm.Evaluation.Metrics;
using NanoVlm.Weights.Hub;

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

    /// <summary>The longest answer, in tokens, where it is asked with other prompts.</summary>
    /// <param name="prompts">As <see cref="TaskData.Prompts"/>.</param>
    /// <exception cref="NanoVlmException">There are no such prompts, or they have none for it.</exception>
    public virtual int MaxNewTokensWith(string prompts) => MaxNewTokens;

    /// <summary>Texts that end an answer where it is asked with other prompts.</summary>
    /// <inheritdoc cref="MaxNewTokensWith"/>
    public virtual IReadOnlyList<string> StopStringsWith(string prompts) => StopStrings;

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
/// <param name="Path">A local file, folder or pattern, or <c>org/name[@revision]</c> of another copy on the Hub; null: the published data set, from the Hub's
/// cache or the Hub.</param>
/// <param name="Prompts">The name of the prompt formats: <c>lmms</c>, <c>nanovlm</c> or <c>vlmevalkit</c>, or a file of them.</param>
/// <param name="Split">The split where it is not the published one; null: that.</param>
public sealed record TaskData(string? Path, string Prompts = "lmms", string? Split = null)
{
    /// <summary>Makes the Hub's client, where it is needed; null: as the environment says.</summary>
    public Func<HubClient>? Hub { get; init; }

    /// <summary>Told of downloads.</summary>
    public IProgress<HubProgress>? Progress { get; init; }

    /// <summary>Stops downloads; what came so far is kept.</summary>
    public CancellationToken Cancellation { get; init; }
}
