using System.Text;

namespace NanoVlm.Text.PreTokenizers;

/// <summary>Cuts at characters of a kind: white space, punctuation, numbers, one character.</summary>
internal sealed class CharacterSplit(Func<Rune, bool> isMatch, SplitBehavior behavior) : PreTokenizer
{
    public override SplitText Apply(SplitText input)
    {
        var pieces = new List<(int, int)>();
        var matches = new List<(int, int)>();
        foreach (var (start, length) in input.Pieces)
        {
            matches.Clear();
            int at = 0;
            foreach (var rune in input.Text.Characters.Slice(start, length).EnumerateRunes())
            {
                if (isMatch(rune))
                    matches.Add((at, rune.Utf16SequenceLength));
                at += rune.Utf16SequenceLength;
            }
            Splitting.Cut(start, length, matches, behavior, false, pieces);
        }
        return input with { Pieces = pieces };
    }
}
