namespace NanoVlm.Evaluation.Metrics;

/// <summary>ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013) as COCO's caption evaluation reckons it: by the longest common subsequence, with beta 1.2.</summary>
public static class RougeL
{
    /// <summary>The score of one caption; a corpus has the mean.</summary>
    /// <param name="caption">Raw.</param>
    /// <param name="references">Raw; the best precision and the best recall count, of whichever reference. Of none the score is 0.</param>
    /// <param name="rules">As of <see cref="Bleu.Of"/>.</param>
    /// <returns>From 0 to 1.</returns>
    public static double Score(string caption, IReadOnlyList<string> references, Rules rules)
    {
        double precision = 0, recall = 0;
        var given = CaptionWords.Of(caption, rules).Split(' '); // at every single space, as published: two in a row have an empty word between them
        foreach (var reference in references)
        {
            var right = CaptionWords.Of(reference, rules).Split(' ');
            double common = LongestCommon(given, right);
            precision = Math.Max(precision, common / given.Length);
            recall = Math.Max(recall, common / right.Length);
        }

        const double squaredBeta = 1.2 * 1.2;
        return precision == 0 || recall == 0 ? 0 : (1 + squaredBeta) * precision * recall / (recall + squaredBeta * precision);
    }

    private static int LongestCommon(string[] a, string[] b)
    {
        var row = new int[b.Length + 1];
        foreach (var word in a)
        {
            var diagonal = 0;
            for (var j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], word == b[j - 1] ? diagonal + 1 : Math.Max(row[j], row[j - 1]));
        }

        return row[^1];
    }
}
