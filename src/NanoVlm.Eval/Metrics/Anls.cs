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

    /// <summary>The length of a text in capitals, which the harnesses take: ß is two, ΐ three.</summary>
    internal static int Upper(string text) => text.Length() + text.Sum(c => c switch
    {
        < '\u00DF' => 0,
        '\u00DF' or '\u0149' or '\u01F0' or '\u0587' or (>= '\u1E96' and <= '\u1E9A') or '\u1F50' or (>= '\u1F80' and <= '\u1FAF') or (>= '\u1FB2' and <= '\u1FB4')
            or '\u1FB6' or '\u1FBC' or (>= '\u1FC2' and <= '\u1FC4') or '\u1FC6' or '\u1FCC' or '\u1FD6' or '\u1FE4' or '\u1FE6' or (>= '\u1FF2' and <= '\u1FF4')
            or '\u1FF6' or '\u1FFC' or (>= '\uFB00' and <= '\uFB02') or (>= '\uFB05' and <= '\uFB06') or (>= '\uFB13' and <= '\uFB17') => 1,
        '\u0390' or '\u03B0' or '\u1F52' or '\u1F54' or '\u1F56' or '\u1FB7' or '\u1FC7' or '\u1FD2' or '\u1FD3' or '\u1FD7' or '\u1FE2' or '\u1FE3' or '\u1FE7'
            or '\u1FF7' or '\uFB03' or '\uFB04' => 2,
        _ => 0,
    });
}
