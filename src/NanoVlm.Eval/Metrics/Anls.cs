namespace NanoVlm.Evaluation.Metrics;

/// <summary>Average normalised Levenshtein similarity, of DocVQA and InfographicVQA (Biten et al. 2019, https://arxiv.org/abs/1907.00490), with threshold 0.5.</summary>
public static class Anls
{
    /// <summary>The similarity of an answer to the nearest of the right ones; a benchmark's ANLS is the mean.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="answers">The right answers; of none the score is 0.</param>
    /// <param name="rules">The harnesses divide the distance of the normalised texts by the length of the raw ones, so that white space around an answer
    /// raises its score; <see cref="Harness.None"/> divides by the length of the normalised ones.</param>
    /// <returns>0, or 0.5 to 1.</returns>
    public static double Score(string answer, IReadOnlyList<string> answers, Rules rules)
    {
        var given = Normalize(answer);
        var best = 1.0;
        foreach (var right in answers)
        {
            var gold = Normalize(right);
            var length = rules.Harness == Harness.None ? Math.Max(gold.Length(), given.Length()) : Math.Max(Upper(right), Upper(answer));
            var distance = length == 0 ? 0 : Levenshtein.Distance(gold, given, length / 2); // beyond half the length it counts for nothing
            best = Math.Min(best, length == 0 ? 0 : (double)distance / length);
        }

        return 1 - best < 0.5 ? 0 : 1 - best;
    }

    private static string Normalize(string text) => string.Join(' ', text.Strip().Lower().Words());

    /// <summary>The length of a text's capitals: a ß counts twice.</summary>
    private static int Upper(string text) => text.Length();
}
