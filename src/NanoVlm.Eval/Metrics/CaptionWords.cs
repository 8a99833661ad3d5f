namespace NanoVlm.Evaluation.Metrics;

/// <summary>Captions as words.</summary>
public static class CaptionWords
{
    /// <summary>The words of a caption.</summary>
    /// <param name="caption">The raw caption.</param>
    /// <param name="rules">VLMEvalKit only splits at white space.</param>
    public static IReadOnlyList<string> Of(string caption, Rules rules) => caption.Lower().Words();
}
