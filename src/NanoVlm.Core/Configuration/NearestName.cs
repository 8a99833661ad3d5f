namespace NanoVlm.Configuration;

/// <summary>Finds the allowed name that a misspelt one was probably meant to be.</summary>
internal static class NearestName
{
    /// <summary>The name at the smallest Levenshtein distance, if it is near enough to be a slip; else null.</summary>
    public static string? Of(string written, IEnumerable<string> allowed)
    {
        var (nearest, distance) = allowed.Select(name => (Name: name, Distance: Distance(written.ToLowerInvariant(), name)))
            .DefaultIfEmpty((Name: "", Distance: int.MaxValue))
            .MinBy(candidate => candidate.Distance);
        return distance <= Math.Max(2, nearest.Length / 3) ? nearest : null;
    }

    /// <summary>The names by their distance, nearest first.</summary>
    public static IEnumerable<string> Order(string written, IEnumerable<string> names) => names.OrderBy(name => Distance(written, name));

    /// <summary>"; did you mean 'x'" or nothing.</summary>
    public static string Suggestion(string? nearest) => nearest == null ? "" : $"; did you mean '{nearest}'";

    private static int Distance(string a, string b)
    {
        if (a.Length > 100)
            return int.MaxValue;
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
