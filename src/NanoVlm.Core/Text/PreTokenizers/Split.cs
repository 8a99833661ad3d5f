namespace NanoVlm.Text.PreTokenizers;

/// <summary>Cuts at the matches of a pattern.</summary>
internal sealed class Split(SplitPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public static new Split Read(JsonPart part) => new(
        SplitPattern.Read(part.Get("pattern")), ReadBehavior(part.Get("behavior")), part.Bool("invert", false));

    public override SplitText Apply(SplitText input)
    {
        var pieces = new List<(int, int)>();
        var matches = new List<(int, int)>();
        foreach (var (start, length) in input.Pieces)
        {
            matches.Clear();
            pattern.FindMatches(input.Text.Characters.Slice(start, length), matches);
            Splitting.Cut(start, length, matches, behavior, invert, pieces);
        }
        return input with { Pieces = pieces };
    }

    internal static SplitBehavior ReadBehavior(JsonPart part) => part.String() switch
    {
        "Removed" or "removed" => SplitBehavior.Removed,
        "Isolated" or "isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" or "merged_with_previous" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" or "merged_with_next" => SplitBehavior.MergedWithNext,
        "Contiguous" or "contiguous" => SplitBehavior.Contiguous,
        _ => throw part.Expected("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous"),
    };
}
