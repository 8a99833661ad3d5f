namespace NanoVlm.Evaluation.Metrics;

/// <summary>ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013) as COCO's caption evaluation reckons it: by the longest common subsequence, with beta 1.2.</summary>
public static class RougeL
{
    /// <summary>The score of one caption; a corpus has the mean.</summary>
    /// <param name="caption">In words.</param>
    /// <param name="references">In words; the best precision and the best recall count, of whichever reference.</param>
    /// <returns>From 0 to 1.</returns>
    public static double Score(IReadOnlyList<string> caption, IReadOnlyList<IReadOnlyList<string>> references)
    {
        double precision = 0, recall = 0;
        foreach (var reference in references)
        {
            double common = LongestCommon(caption, reference);
            precision = Math.Max(precision, common / Math.Max(1, caption.Count));
            recall = Math.Max(recall, common / Math.Max(1, reference.Count));
        }

        const double squaredBeta = 1.2 * 1.2;
        return precision == 0 || recall == 0 ? 0 : (1 + squaredBeta) * precision * recall / (recall + squaredBeta * precision);
    }

    private static int LongestCommon(IReadOnlyList<string> a, IReadOnlyList<string> b)
    {
        var row = new int[b.Count + 1];
        foreach (var word in a)
        {
            var diagonal = 0;
            for (var j = 1; j <= b.Count; j++)
                (diagonal, row[j]) = (row[j], word == b[j - 1] ? diagonal + 1 : Math.Max(row[j], row[j - 1]));
        }

        return row[^1];
    }
}
