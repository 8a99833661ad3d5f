using System.Globalization;
using System.Text;

namespace NanoVlm.Text;

/// <summary>Classes of characters as the tokenizers library draws them.</summary>
internal static class UnicodeClasses
{
    /// <summary><c>\w</c> of UTS 18, Annex C: alphabetic characters, marks, decimal digits, connectors and joiners.</summary>
    public static bool IsWord(Rune rune) => rune.IsAscii ? char.IsAsciiLetterOrDigit((char)rune.Value) || rune.Value == '_'
        : Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
                or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation => true,
            _ => IsEnclosedLetter(rune) || rune.Value is 0x200C or 0x200D,
        };

    /// <summary>Letters in circles and squares, which are symbols but alphabetic.</summary>
    public static bool IsEnclosedLetter(Rune rune) =>
        rune.Value is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);

    /// <summary>Unicode's punctuation, and ASCII's, which counts some symbols.</summary>
    public static bool IsPunctuation(Rune rune) => rune.IsAscii ? rune.Value is > ' ' and < 0x7F && !char.IsAsciiLetterOrDigit((char)rune.Value)
        : Rune.GetUnicodeCategory(rune) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    /// <summary>Numbers: decimal digits, letters that are numbers, and others such as fractions.</summary>
    public static bool IsNumber(Rune rune) => rune.IsAscii ? char.IsAsciiDigit((char)rune.Value) : Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;
}
