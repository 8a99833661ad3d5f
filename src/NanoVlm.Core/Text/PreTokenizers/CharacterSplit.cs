using System.Collections;
using System.Text;

namespace NanoVlm.Text.PreTokenizers;

/// <summary>Cuts at characters of a kind: white space, punctuation, numbers, one character.</summary>
internal sealed class CharacterSplit(Func<Rune, bool> isMatch, SplitBehavior behavior) : PreTokenizer
{
    // Asked of every character of every text, so the answer for the first plane is kept.
    private readonly BitArray _matches = new([.. Enumerable.Range(0, char.MaxValue + 1).Select(c => Rune.IsValid(c) && isMatch(new Rune(c)))]);

    public override SplitText Apply(SplitText input)
    {
        var pieces = new List<(int, int)>();
        var matches = new List<(int, int)>();
        foreach (var (start, length) in input.Pieces)
        {
            matches.Clear();
            var piece = input.Text.Characters.Slice(start, length);
            for (int at = 0; at < length; at++)
            {
                if (_matches[piece[at]])
                    matches.Add((at, 1));
                else if (char.IsHighSurrogate(piece[at]) && at + 1 < length)
                {
                    if (isMatch(new Rune(piece[at], piece[at + 1])))
                        matches.Add((at, 2));
                    at++;
                }
            }
            Splitting.Cut(start, length, matches, behavior, false, pieces);
        }
        return input with { Pieces = pieces };
    }
}
