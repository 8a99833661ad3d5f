namespace NanoVlm.Evaluation.Metrics;

/// <summary>The runs of n words in a text.</summary>
internal static class NGrams
{
    /// <summary>How often each occurs; words joined by a character that none has.</summary>
    public static Dictionary<string, int> Count(IReadOnlyList<string> words, int n)
    {
        var counts = new Dictionary<string, int>();
        for (var i = 0; i + n <= words.Count; i++)
        {
            var gram = n == 1 ? words[i] : string.Join(' ', Enumerable.Range(i, n).Select(j => words[j]));
            counts[gram] = counts.GetValueOrDefault(gram) + 1;
        }

        return counts;
    }
}
