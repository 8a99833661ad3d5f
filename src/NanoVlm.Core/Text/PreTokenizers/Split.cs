namespace NanoVlm.Text.PreTokenizers;

/// <summary>Cuts at the matches of a pattern.</summary>
internal sealed class Split(SplitPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public static new Split Read(JsonPart part) => new(
        SplitPattern.Read(part.Get("pattern")), Splitting.ReadBehavior(part.Get("behavior")), part.Bool("invert", false));

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
}
