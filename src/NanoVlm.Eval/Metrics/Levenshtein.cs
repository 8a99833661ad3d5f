namespace NanoVlm.Evaluation.Metrics;

/// <summary>The edit distance of two texts: how many characters must be put in, taken out or replaced.</summary>
public static class Levenshtein
{
    /// <summary>The distance in code points, worked out only as far as it matters: a band of the table, O(limit x length) steps.</summary>
    /// <param name="a">A text.</param>
    /// <param name="b">Another.</param>
    /// <param name="limit">Above this, how far apart they are does not matter; not negative.</param>
    /// <returns>The distance, or <paramref name="limit"/> + 1 for any that is greater.</returns>
    public static int Distance(string a, string b, int limit = int.MaxValue - 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        var (x, y) = (CodePoints(a), CodePoints(b));
        if (x.Length > y.Length)
            (x, y) = (y, x);
        var start = x.AsSpan().CommonPrefixLength(y);
        var same = 0;
        while (same < x.Length - start && x[^(same + 1)] == y[^(same + 1)])
            same++;
        ReadOnlySpan<int> s = x.AsSpan(start..^same), t = y.AsSpan(start..^same);
        limit = Math.Min(limit, t.Length);
        if (t.Length - s.Length > limit)
            return limit + 1;
        if (s.Length == 0)
            return t.Length;
        var row = new int[s.Length + 1];
        for (var i = 0; i < row.Length; i++)
            row[i] = i;
        for (var j = 1; j <= t.Length; j++)
        {
            // Cells further from the diagonal than the limit are above the limit.
            var (from, to) = (Math.Max(1, j - limit), Math.Min(s.Length, j + limit));
            if (from > to)
                return limit + 1;
            var diagonal = row[from - 1];
            row[from - 1] = from == 1 ? j : limit + 1;
            if (to < s.Length)
                row[to + 1] = limit + 1;
            var least = row[from - 1];
            for (var i = from; i <= to; i++)
            {
                var here = s[i - 1] == t[j - 1] ? diagonal : 1 + Math.Min(diagonal, Math.Min(row[i], row[i - 1]));
                diagonal = row[i];
                row[i] = here;
                least = Math.Min(least, here);
            }

            if (least > limit)
                return limit + 1;
        }

        return Math.Min(row[^1], limit + 1);
    }

    private static int[] CodePoints(string text)
    {
        var points = new int[text.Length];
        var count = 0;
        for (var i = 0; i < text.Length; i += PythonText.Width(points[count - 1]))
            points[count++] = PythonText.CodePoint(text, i);
        return points[..count];
    }
}
