using System.Globalization;
using System.Text;

namespace NanoVlm.Text.PreTokenizers;

/// <summary>Sets numbers (Unicode Nd, Nl, No) apart, each digit alone or runs of them.</summary>
internal sealed class Digits(bool individual) : PreTokenizer
{
    public static new Digits Read(JsonPart part) => new(part.Bool("individual_digits", false));

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
                if (IsNumeric(rune))
                    matches.Add((at, rune.Utf16SequenceLength));
                at += rune.Utf16SequenceLength;
            }
            Splitting.Cut(start, length, matches, individual ? SplitBehavior.Isolated : SplitBehavior.Contiguous, false, pieces);
        }
        return input with { Pieces = pieces };
    }

    private static bool IsNumeric(Rune rune) => rune.IsAscii ? rune.Value is >= '0' and <= '9' : Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;
}
