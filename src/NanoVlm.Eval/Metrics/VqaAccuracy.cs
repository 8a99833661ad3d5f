namespace NanoVlm.Evaluation.Metrics;

/// <summary>VQA accuracy (Antol et al. 2015, https://arxiv.org/abs/1505.00468): an answer is as right as the people who gave it, three of ten making it wholly so.</summary>
public static class VqaAccuracy
{
    /// <summary>The accuracy of an answer, averaged over leaving each person out: three people of ten give 0.9.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="answers">What people answered, usually ten; of none the accuracy is 0.</param>
    /// <param name="rules">How answers are normalised: <see cref="EvalAiAnswer.Normalize"/>. <see cref="Harness.None"/> also asks for no more agreeing people than there
    /// are: with fewer than four answers, by the published rule no answer could be wholly right.</param>
    /// <param name="wordTokenize">As of <see cref="EvalAiAnswer.Normalize"/>: on for TextVQA, off for VQAv2.</param>
    /// <returns>From 0 to 1.</returns>
    public static double Score(string answer, IReadOnlyList<string> answers, Rules rules, bool wordTokenize = true)
    {
        if (answers.Count == 0)
            return 0;
        var given = EvalAiAnswer.Normalize(answer, rules, wordTokenize);
        var matching = answers.Count(right => EvalAiAnswer.Normalize(right, rules, wordTokenize) == given);
        if (rules.Harness == Harness.None && answers.Count == 1)
            return matching;
        var needed = rules.Harness == Harness.None ? Math.Min(3, answers.Count - 1) : 3;
        // Leaving out one of those who agree leaves one fewer.
        return (matching * Math.Min(needed, matching - 1) + (answers.Count - matching) * Math.Min(needed, matching)) / ((double)needed * answers.Count);
    }
}
