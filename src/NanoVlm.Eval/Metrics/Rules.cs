namespace NanoVlm.Evaluation.Metrics;

/// <summary>A set of rules by which answers are scored, by name: the harness and version whose numbers it reproduces.</summary>
/// <param name="Name"><c>lmms-0.7.1</c>, <c>lmms-head</c>, <c>vlmevalkit</c> or <c>strict</c>.</param>
public sealed record Rules(string Name)
{
    /// <summary>lmms-eval v0.7.1, in force when nanoVLM's numbers were made.</summary>
    public static readonly Rules Lmms071 = new("lmms-0.7.1");

    /// <summary>lmms-eval's main branch.</summary>
    public static readonly Rules LmmsHead = new("lmms-head");

    /// <summary>VLMEvalKit with exact matching.</summary>
    public static readonly Rules VlmEvalKit = new("vlmevalkit");

    /// <summary>Without the harnesses' known faults.</summary>
    public static readonly Rules Strict = new("strict");

    /// <summary>All sets.</summary>
    public static readonly IReadOnlyList<Rules> All = [Lmms071, LmmsHead, VlmEvalKit, Strict];
}
