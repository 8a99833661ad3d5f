namespace NanoVlm.Evaluation.Metrics;

/// <summary>Equality of texts, as lmms-eval's <c>exact_match</c> has it with case and punctuation ignored.</summary>
internal static class ExactMatch
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"; // Python's string.punctuation

    /// <summary>Whether an answer is one of the right ones but for case and ASCII punctuation. White space counts.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="answers">The right answers.</param>
    /// <returns>1 if right, else 0.</returns>
    public static double Score(string answer, IReadOnlyList<string> answers)
    {
        var given = Plain(answer);
        return answers.Any(right => Plain(right) == given) ? 1 : 0;
    }

    private static string Plain(string text) => string.Concat(text.Lower().Where(c => !Punctuation.Contains(c)));
}
