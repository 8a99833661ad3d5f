namespace NanoVlm.Evaluation.Metrics;

/// <summary>What an answer to a yes-or-no question says, read by words.</summary>
internal static class YesNo
{
    /// <summary><c>yes</c>, <c>no</c> or <c>other</c>.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="rules">VLMEvalKit takes yes or no where exactly one of them is among the words; all other rules first take the first word where it is yes, no, y or n.</param>
    public static string Of(string answer, Rules rules)
    {
        if (rules.Harness == Harness.VlmEvalKit)
            return Only(EvalAiAnswer.WithoutPunctuation(answer.Lower(), Harness.VlmEvalKit).Words());
        var words = new string([.. answer.Lower().Select(c => char.IsLetterOrDigit(c) || c is '\'' or '’' ? c : ' ')]).Words();
        return words.FirstOrDefault() switch
        {
            "yes" or "y" => "yes",
            "no" or "n" => "no",
            _ => Only(words),
        };
    }

    private static string Only(List<string> words) => (words.Contains("yes"), words.Contains("no")) switch
    {
        (true, false) => "yes",
        (false, true) => "no",
        _ => "other",
    };
}
