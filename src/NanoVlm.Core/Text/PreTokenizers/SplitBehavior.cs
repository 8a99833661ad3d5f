namespace NanoVlm.Text.PreTokenizers;

/// <summary>What becomes of the matches of a splitting pattern.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Cuts a piece along matches.</summary>
internal static class Splitting
{
    public static SplitBehavior ReadBehavior(JsonPart part) => part.String() switch
    {
        "Removed" or "removed" => SplitBehavior.Removed,
        "Isolated" or "isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" or "merged_with_previous" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" or "merged_with_next" => SplitBehavior.MergedWithNext,
        "Contiguous" or "contiguous" => SplitBehavior.Contiguous,
        _ => throw part.Expected("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous"),
    };

    /// <summary>
    /// Appends the parts of the piece [start, start + length) to <paramref name="output"/>. Matches are relative to the piece,
    /// in order; with <paramref name="invert"/> they trade places with what lies between them.
    /// </summary>
    public static void Cut(
        int start, int length, List<(int Start, int Length)> matches, SplitBehavior behavior, bool invert, List<(int Start, int Length)> output)
    {
        var parts = new List<(int Start, int End, bool IsMatch)>(2 * matches.Count + 1);
        int end = 0;
        foreach (var match in matches)
        {
            if (match.Start > end)
                parts.Add((end, match.Start, invert));
            // An empty match is no piece, but keeps what is around it apart.
            parts.Add((match.Start, match.Start + match.Length, !invert));
            end = match.Start + match.Length;
        }
        if (end < length)
            parts.Add((end, length, invert));

        for (int i = 0; i < parts.Count; i++)
        {
            int from = i;
            while (i + 1 < parts.Count && Joins(parts[i].IsMatch, parts[i + 1].IsMatch, i == from, behavior))
                i++;
            if (parts[i].End > parts[from].Start && (behavior != SplitBehavior.Removed || !parts[i].IsMatch))
                output.Add((start + parts[from].Start, parts[i].End - parts[from].Start));
        }
    }

    /// <summary>Whether a part and the next one stay together; a merge joins two parts only, a contiguous run any number.</summary>
    private static bool Joins(bool match, bool nextMatch, bool alone, SplitBehavior behavior) => behavior switch
    {
        SplitBehavior.Contiguous => match == nextMatch,
        SplitBehavior.MergedWithPrevious => alone && !match && nextMatch,
        SplitBehavior.MergedWithNext => alone && match && !nextMatch,
        _ => false,
    };
}
