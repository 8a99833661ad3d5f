using System.Text;

namespace NanoVlm.Text.PreTokenizers;

/// <summary>Words and runs of other characters, without white space: the matches of <c>\w+|[^\w\s]+</c>.</summary>
internal sealed class Whitespace : PreTokenizer
{
    public override SplitText Apply(SplitText input)
    {
        var pieces = new List<(int, int)>();
        foreach (var (start, length) in input.Pieces)
        {
            int at = start, first = start;
            var kind = Kind.Space;
            foreach (var rune in input.Text.Characters.Slice(start, length).EnumerateRunes())
            {
                var next = UnicodeClasses.IsWord(rune) ? Kind.Word : Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Other;
                if (next != kind)
                {
                    if (kind != Kind.Space)
                        pieces.Add((first, at - first));
                    (kind, first) = (next, at);
                }
                at += rune.Utf16SequenceLength;
            }
            if (kind != Kind.Space)
                pieces.Add((first, at - first));
        }
        return input with { Pieces = pieces };
    }

    private enum Kind
    {
        Space,
        Word,
        Other,
    }
}
