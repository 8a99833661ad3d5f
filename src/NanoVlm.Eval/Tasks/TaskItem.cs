using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>One question of a benchmark as a model is asked it.</summary>
/// <param name="Id">Names it within its benchmark; unique.</param>
/// <param name="Question">The prompt's text, formatted; <c>&lt;image&gt;</c> marks stand where images do, or nowhere (they then come first).</param>
/// <param name="Images">The images.</param>
/// <param name="Reference">What an answer is held against.</param>
public sealed record TaskItem(string Id, string Question, IReadOnlyList<StoredImage> Images, Reference Reference);

/// <summary>What an answer is held against: all that scoring needs, so that answers can be scored again without data or model.</summary>
public sealed record Reference
{
    /// <summary>The answers that are right; of multiple choice the letter.</summary>
    public IReadOnlyList<string> Answers { get; init; } = [];

    /// <summary>The texts of the choices A, B, C ...; empty where the question is open.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>What figures are given by, such as a subject; empty: none.</summary>
    public string Category { get; init; } = "";

    /// <summary>A finer category; empty: none.</summary>
    public string Subcategory { get; init; } = "";

    /// <summary>What kind of question it is, where scoring depends on it, such as <c>open</c> or <c>multiple-choice</c>.</summary>
    public string Kind { get; init; } = "";

    /// <summary>Items of one group are judged, and drawn in a bootstrap, together, as MME's two questions about an image; empty: each by itself.</summary>
    public string Group { get; init; } = "";
}

/// <summary>An answer with its score.</summary>
/// <param name="Id">The item's.</param>
/// <param name="Reference">What it is held against.</param>
/// <param name="Answer">The raw answer.</param>
/// <param name="Score">0 (wrong) to 1 (right).</param>
/// <param name="Extracted">What the rules read the answer as, such as a letter; null where that is the answer itself.</param>
public sealed record ScoredItem(string Id, Reference Reference, string Answer, double Score, string? Extracted = null);
