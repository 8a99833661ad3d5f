namespace NanoVlm.Evaluation.Metrics;

/// <summary>A set of rules by which answers are scored, by name: the harness and version whose numbers it reproduces. docs/metrics.md has the table of what each does.</summary>
/// <param name="Name"><c>lmms-0.7.1</c>, <c>lmms-head</c>, <c>vlmevalkit</c> or <c>strict</c>.</param>
public sealed record Rules(string Name)
{
    /// <summary>The harness whose normalisation and extraction of answers is used.</summary>
    public Harness Harness { get; init; }

    /// <summary>MMStar's letter is looked for in four fixed places, as lmms-eval did up to v0.7.1, not ranked among all that look like one (#1274).</summary>
    public bool FixedMmstarPlaces { get; init; }

    /// <summary>MMMU's open questions are compared letter by letter, and so are always wrong, as in lmms-eval v0.3.5 to v0.7.2 (repaired by #1471).</summary>
    public bool OpenMmmuIsWrong { get; init; }

    /// <summary>OCRBench takes full-width letters and digits for the ordinary ones, as lmms-eval does since #1415 (after v0.7.1).</summary>
    public bool FoldsFullWidth { get; init; }

    /// <summary>OCRBench makes small letters of an answer, but not of the formula it is held against, as lmms-eval did up to v0.7.1: no formula with a capital is ever right.</summary>
    public bool LowersFormulas { get; init; }

    /// <summary>lmms-eval v0.7.1, in force when nanoVLM's numbers were made.</summary>
    public static readonly Rules Lmms071 = new("lmms-0.7.1") { FixedMmstarPlaces = true, OpenMmmuIsWrong = true, LowersFormulas = true };

    /// <summary>lmms-eval's main branch.</summary>
    public static readonly Rules LmmsHead = new("lmms-head") { FoldsFullWidth = true };

    /// <summary>VLMEvalKit with exact matching.</summary>
    public static readonly Rules VlmEvalKit = new("vlmevalkit") { Harness = Harness.VlmEvalKit };

    /// <summary>Without the harnesses' known faults.</summary>
    public static readonly Rules Strict = new("strict") { Harness = Harness.None, FoldsFullWidth = true };

    /// <summary>All sets.</summary>
    public static readonly IReadOnlyList<Rules> All = [Lmms071, LmmsHead, VlmEvalKit, Strict];

    /// <summary>The set of a name.</summary>
    /// <param name="name">As in <see cref="All"/>.</param>
    /// <exception cref="NanoVlmException">There is none of that name.</exception>
    public static Rules Named(string name)
    {
        var nearest = All.MinBy(rules => Levenshtein.Distance(name, rules.Name, name.Length + rules.Name.Length))!;
        return All.FirstOrDefault(rules => rules.Name == name)
            ?? throw new NanoVlmException($"There are no rules '{name}'; the nearest are '{nearest.Name}'. There are {string.Join(", ", All.Select(rules => rules.Name))}.");
    }
}

/// <summary>The harness whose normalisation and extraction of answers is used.</summary>
public enum Harness
{
    /// <summary>lmms-eval's.</summary>
    LmmsEval,

    /// <summary>VLMEvalKit's.</summary>
    VlmEvalKit,

    /// <summary>Neither's: the rules as they were meant, without known faults.</summary>
    None,
}
