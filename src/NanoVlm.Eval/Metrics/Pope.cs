namespace NanoVlm.Evaluation.Metrics;

/// <summary>POPE (Li et al. 2023, https://arxiv.org/abs/2305.10355): is the object in the image? Yes is the positive class.</summary>
public static class Pope
{
    /// <summary>What an answer says.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="rules">lmms-eval takes the whole answer in small letters, so that "yes." is neither; VLMEvalKit and <see cref="Harness.None"/> go by words: <see cref="YesNo"/>.</param>
    /// <returns><c>yes</c>, <c>no</c>, or anything else.</returns>
    public static string Parse(string answer, Rules rules) => rules.Harness == Harness.LmmsEval ? answer.Lower().Strip() : YesNo.Of(answer, rules);

    /// <summary>Whether an answer is right.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="expected">Yes or No.</param>
    /// <param name="rules">As of <see cref="Parse"/>.</param>
    /// <returns>1 if right, else 0.</returns>
    public static double Score(string answer, string expected, Rules rules) => Parse(answer, rules) == expected.Lower().Strip() ? 1 : 0;

    /// <summary>The figures over all questions.</summary>
    /// <param name="items">What is right and what was answered, raw.</param>
    /// <param name="rules">As of <see cref="Parse"/>. lmms-eval leaves answers that are neither yes nor no out of recall; the others count them as missed.</param>
    public static PopeScores Of(IReadOnlyList<(string Expected, string Answer)> items, Rules rules)
    {
        int right = 0, truePositives = 0, falsePositives = 0, falseNegatives = 0, saidYes = 0, saidNo = 0, areYes = 0, areNo = 0;
        foreach (var (expected, answer) in items)
        {
            var (truth, said) = (expected.Lower().Strip(), Parse(answer, rules));
            right += truth == said ? 1 : 0;
            areYes += truth == "yes" ? 1 : 0;
            areNo += truth == "no" ? 1 : 0;
            saidYes += said == "yes" ? 1 : 0;
            saidNo += said == "no" ? 1 : 0;
            truePositives += truth == "yes" && said == "yes" ? 1 : 0;
            falsePositives += truth == "no" && said == "yes" ? 1 : 0;
            falseNegatives += truth == "yes" && (said == "no" || (said != "yes" && rules.Harness != Harness.LmmsEval)) ? 1 : 0;
        }

        var precision = Share(truePositives, truePositives + falsePositives);
        var recall = Share(truePositives, truePositives + falseNegatives);
        var f1 = precision + recall > 0 ? 2 * (precision * recall) / (precision + recall) : 0;
        return new(Share(right, items.Count), precision, recall, f1, Share(saidYes, saidYes + saidNo), Share(areYes, areYes + areNo));
    }

    private static double Share(int part, int whole) => whole == 0 ? 0 : (double)part / whole;
}

/// <summary>POPE's figures, all from 0 to 1.</summary>
/// <param name="Accuracy">The share of right answers.</param>
/// <param name="Precision">The share of the "yes" answers that are right.</param>
/// <param name="Recall">Of those that are yes, the share so answered.</param>
/// <param name="F1">The harmonic mean of the two: VLMEvalKit's headline.</param>
/// <param name="YesRatio">The share of yes among the answers that are yes or no.</param>
/// <param name="TrueYesRatio">The share of yes among the questions: what lmms-eval calls pope_yes_ratio.</param>
public sealed record PopeScores(double Accuracy, double Precision, double Recall, double F1, double YesRatio, double TrueYesRatio);
