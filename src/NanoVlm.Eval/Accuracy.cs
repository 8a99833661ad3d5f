namespace NanoVlm.Evaluation;

/// <summary>The share of right answers: over all questions, and by kind.</summary>
/// <param name="Overall">Right answers over all questions, 0 to 1.</param>
/// <param name="ByKind">The same for each kind of question, in alphabetical order.</param>
/// <param name="Questions">How many questions.</param>
public sealed record Accuracy(double Overall, IReadOnlyDictionary<string, double> ByKind, int Questions)
{
    /// <summary>Of predictions.</summary>
    public static Accuracy Of(IReadOnlyList<Prediction> predictions) => Of(predictions.Select(p => (p.Question.Kind, p.Correct)));

    /// <summary>Of a guesser who knows the most frequent answer of each kind and never looks.</summary>
    public static Accuracy OfMajority(IReadOnlyList<Question> questions)
    {
        var majority = questions.GroupBy(q => q.Kind).ToDictionary(
            kind => kind.Key, kind => kind.GroupBy(q => q.Answer).OrderByDescending(a => a.Count()).ThenBy(a => a.Key, StringComparer.Ordinal).First().Key);
        return Of(questions.Select(q => (q.Kind, q.Answer == majority[q.Kind])));
    }

    private static Accuracy Of(IEnumerable<(string Kind, bool Correct)> results)
    {
        var all = results.ToArray();
        var kinds = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var kind in all.GroupBy(r => r.Kind)) kinds[kind.Key] = kind.Average(r => r.Correct ? 1.0 : 0);
        return new Accuracy(all.Length == 0 ? 0 : all.Average(r => r.Correct ? 1.0 : 0), kinds, all.Length);
    }
}
