namespace NanoVlm.Evaluation.Metrics;

/// <summary>Relaxed accuracy, of ChartQA (Masry et al. 2022, https://arxiv.org/abs/2203.10244, section 5.1): numbers may be off by 5 %.</summary>
public static class RelaxedAccuracy
{
    /// <summary>Whether an answer is right.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="target">The right one.</param>
    /// <param name="rules">lmms-eval takes the answer as it is; VLMEvalKit strips white space; <see cref="Harness.None"/> also forgives thousands separators,
    /// a full stop at the end and a per cent sign on one side only, and compares with a target of zero.</param>
    /// <returns>1 if right, else 0.</returns>
    public static double Score(string answer, string target, Rules rules)
    {
        if (rules.Harness != Harness.LmmsEval)
            answer = answer.Strip();
        if (rules.Harness == Harness.None)
            (answer, target) = (Plain(answer), Plain(target));
        var (given, right) = (Number(answer), Number(target));
        if (rules.Harness == Harness.None && given == right && given != null)
            return 1; // zeros and infinities too
        if (given is { } g && right is { } r && r != 0) // a NaN is not zero
            return Math.Abs(g - r) / Math.Abs(r) <= 0.05 ? 1 : 0;
        return answer.Lower() == target.Lower() ? 1 : 0;
    }

    private static double? Number(string text) => text.EndsWith('%') ? PythonText.Float(text.TrimEnd('%')) / 100 : PythonText.Float(text);

    /// <summary>Without white space around it, a full stop or a per cent sign at its end, or separators of thousands.</summary>
    private static string Plain(string text)
    {
        var plain = text.Strip().TrimEnd('.').TrimEnd('%').Strip();
        return PythonText.Float(plain.Replace(",", "")) is null ? plain : plain.Replace(",", "");
    }
}
