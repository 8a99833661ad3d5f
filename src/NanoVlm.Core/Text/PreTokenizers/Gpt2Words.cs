using System.Globalization;

namespace NanoVlm.Text.PreTokenizers;

/// <summary>
/// The splitting pattern of GPT-2's encoder.py (Radford et al. 2019), written out by hand because most of encoding English is splitting it:
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// </summary>
internal static class Gpt2Words
{
    private enum Kind : byte
    {
        Other,
        Letter,
        Number,
        Space,
    }

    private static readonly Kind[] _kinds = [.. Enumerable.Range(0, char.MaxValue + 1).Select(c => KindOf((char)c, CharUnicodeInfo.GetUnicodeCategory((char)c)))];

    /// <summary>Appends the words of a text that begins at <paramref name="origin"/>; they cover it.</summary>
    public static void Cut(ReadOnlySpan<char> text, int origin, List<(int Start, int Length)> words)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = EndOfWord(text, start);
            words.Add((origin + start, end - start));
        }
    }

    private static int EndOfWord(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is > 0 and var length)
            return start + 1 + length;
        // One space belongs to the word after it.
        int first = text[start] == ' ' && start + 1 < text.Length ? start + 1 : start;
        var kind = KindAt(text, first, out int units);
        if (kind != Kind.Space)
            return EndOfRun(text, first + units, kind);
        int end = EndOfRun(text, start + 1, Kind.Space);
        // White space before a word leaves it the last one.
        return end < text.Length && end - start > 1 ? end - 1 : end;
    }

    private static int EndOfRun(ReadOnlySpan<char> text, int at, Kind kind)
    {
        while (at < text.Length && KindAt(text, at, out int units) == kind)
            at += units;
        return at;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int at, out int units)
    {
        char c = text[at];
        units = 1;
        if (!char.IsHighSurrogate(c) || at + 1 == text.Length)
            return _kinds[c];
        units = 2;
        return KindOf(c, CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(c, text[at + 1])));
    }

    private static Kind KindOf(char c, UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => Kind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
        _ => char.IsWhiteSpace(c) ? Kind.Space : Kind.Other,
    };

    private static int Contraction(ReadOnlySpan<char> after) => after switch
    {
        ['s' or 't' or 'm' or 'd', ..] => 1,
        ['r' or 'v', 'e', ..] or ['l', 'l', ..] => 2,
        _ => 0,
    };
}
