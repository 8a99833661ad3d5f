namespace NanoVlm.Evaluation.Metrics;

/// <summary>OCRBench (Liu et al. 2023, https://arxiv.org/abs/2305.07895): an answer is right if one of the right ones is part of it.</summary>
public static class OcrBench
{
    /// <summary>Whether an answer is right.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="answers">The right answers.</param>
    /// <param name="dataset">The <c>dataset</c> column. Formulas (<c>HME100k</c>) are compared with case and without spaces, all else without case.</param>
    /// <param name="rules">See <see cref="Rules.FoldsFullWidth"/> and <see cref="Rules.LowersFormulas"/>. <see cref="Harness.None"/> leaves out empty right answers, of which
    /// the harnesses find one in anything.</param>
    /// <returns>1 if right, else 0.</returns>
    public static double Score(string answer, IReadOnlyList<string> answers, string dataset, Rules rules)
    {
        var formula = dataset == "HME100k";
        var given = Plain(formula && rules.LowersFormulas ? answer.Lower() : answer);
        return answers.Select(Plain).Any(right => given.Contains(right, StringComparison.Ordinal) && (right.Length > 0 || rules.Harness != Harness.None)) ? 1 : 0;

        string Plain(string text) => formula
            ? text.Strip().Replace('\n', ' ').Replace(" ", "")
            : (rules.FoldsFullWidth ? Fold(text) : text).Lower().Strip().Replace('\n', ' ');
    }

    /// <summary>Full-width ASCII and the ideographic space as the ordinary ones.</summary>
    private static string Fold(string text) => string.Concat(text.Select(c => c switch
    {
        >= '\uFF01' and <= '\uFF5E' => (char)(c - 0xFEE0),
        '\u3000' => ' ',
        _ => c,
    }));
}
