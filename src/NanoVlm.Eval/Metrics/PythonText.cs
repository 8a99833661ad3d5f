using System.Globalization;
using System.Numerics;
using System.Text;

namespace NanoVlm.Evaluation.Metrics;

/// <summary>
/// Text as Python's <c>str</c> and <c>float</c> treat it, where .NET differs: the published metrics are Python programs, and an answer at the edge
/// (a full-width digit, a no-break space, "1_000") must be read as they read it. Characters are code points, not UTF-16 units.
/// </summary>
internal static class PythonText
{
    /// <summary><c>str.isspace</c> of one character: .NET's white space and the four separators U+001C to U+001F. None needs a surrogate pair.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary><c>str.strip()</c>.</summary>
    public static string Strip(this string text)
    {
        var (start, end) = (0, text.Length);
        while (start < end && IsSpace(text[start]))
            start++;
        while (end > start && IsSpace(text[end - 1]))
            end--;
        return text[start..end];
    }

    /// <summary><c>str.split()</c>: the runs of what is not white space.</summary>
    public static List<string> Words(this string text)
    {
        var words = new List<string>();
        for (var i = 0; i < text.Length; i++)
        {
            if (IsSpace(text[i]))
                continue;
            var start = i;
            while (i < text.Length && !IsSpace(text[i]))
                i++;
            words.Add(text[start..i]);
        }

        return words;
    }

    /// <summary><c>str.lower()</c>: by code point, with the dotted capital I and the final sigma as Unicode's special casing has them.</summary>
    public static string Lower(this string text)
    {
        var lowered = text.ToLowerInvariant();
        if (!text.AsSpan().ContainsAny('\u0130', '\u03A3'))
            return lowered;
        var builder = new StringBuilder(text.Length + 1);
        for (var i = 0; i < text.Length; i++)
            _ = text[i] switch
            {
                '\u0130' => builder.Append("i\u0307"),
                '\u03A3' => builder.Append(EndsWord(text, i) ? '\u03C2' : '\u03C3'),
                _ => builder.Append(lowered[i]),
            };
        return builder.ToString();
    }

    /// <summary>How many code points the text has: <c>len</c>.</summary>
    public static int Length(this string text)
    {
        var length = text.Length;
        for (var i = 1; i < text.Length; i++)
            if (char.IsSurrogatePair(text[i - 1], text[i]))
                length--;
        return length;
    }

    /// <summary>The code point at an index of the text, or a lone surrogate as it is.</summary>
    public static int CodePoint(string text, int index) =>
        index + 1 < text.Length && char.IsSurrogatePair(text[index], text[index + 1]) ? char.ConvertToUtf32(text[index], text[index + 1]) : text[index];

    /// <summary>The first character, whole; empty of an empty text.</summary>
    public static string First(this string text) => text.Length == 0 ? "" : text[..Width(CodePoint(text, 0))];

    /// <summary>How many UTF-16 units a code point takes.</summary>
    public static int Width(int codePoint) => codePoint > 0xFFFF ? 2 : 1;

    /// <summary><c>str.isalpha</c> of one character.</summary>
    public static bool IsLetter(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint)
        is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    /// <summary>The text with one UTF-16 unit a character, so that indices count code points: a pair becomes a letter (ª) or a sign (U+E000), which no rule looks for.</summary>
    public static string Narrow(this string text)
    {
        if (!text.Any(char.IsSurrogate))
            return text;
        var narrow = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i += Width(CodePoint(text, i)))
            narrow.Append(Width(CodePoint(text, i)) == 1 ? text[i] : IsLetter(CodePoint(text, i)) ? 'ª' : '\uE000');
        return narrow.ToString();
    }

    /// <summary>What <c>\w</c> of Python's <c>re</c> takes: letters, numbers of all kinds, and the underscore.</summary>
    public static bool IsWord(int codePoint) => codePoint == '_' || IsLetter(codePoint) || CharUnicodeInfo.GetUnicodeCategory(codePoint)
        is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>The value of a decimal digit of any script, -1 of anything else: <c>\d</c> of Python's <c>re</c>.</summary>
    public static int Digit(int codePoint) => codePoint < 0x80
        ? codePoint is >= '0' and <= '9' ? codePoint - '0' : -1
        : CharUnicodeInfo.GetUnicodeCategory(codePoint) == UnicodeCategory.DecimalDigitNumber ? CharUnicodeInfo.GetDecimalDigitValue(char.ConvertFromUtf32(codePoint), 0) : -1;

    /// <summary><c>float(text)</c>, or null where that raises: white space around, digits of any script, "1_000", "inf", "nan" and "1e5" are read.</summary>
    public static double? Float(string text)
    {
        // White space of other scripts counts as a space, but the separators U+001C to U+001F do not, unlike elsewhere in Python.
        var number = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i += Width(CodePoint(text, i)))
        {
            var digit = Digit(CodePoint(text, i));
            number.Append(digit >= 0 ? (char)('0' + digit) : text[i] > 0x7F && IsSpace(text[i]) ? ' ' : text[i]);
        }

        var ascii = number.ToString().Trim(' ', '\t', '\n', '\v', '\f', '\r');
        if (ascii.AsSpan().ContainsAnyExcept("0123456789+-._eEinfatyINFATY"))
            return null;
        var unsigned = ascii is ['+' or '-', ..] ? ascii[1..] : ascii;
        var sign = ascii is ['-', ..] ? -1.0 : 1.0;
        if (unsigned.Equals("inf", StringComparison.OrdinalIgnoreCase) || unsigned.Equals("infinity", StringComparison.OrdinalIgnoreCase))
            return sign * double.PositiveInfinity;
        if (unsigned.Equals("nan", StringComparison.OrdinalIgnoreCase))
            return double.NaN;
        for (var i = 0; i < unsigned.Length; i++)
            if (unsigned[i] == '_' && !(i > 0 && i + 1 < unsigned.Length && char.IsAsciiDigit(unsigned[i - 1]) && char.IsAsciiDigit(unsigned[i + 1])))
                return null;
        const NumberStyles style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (unsigned.Length == 0 || !(char.IsAsciiDigit(unsigned[0]) || unsigned[0] == '.'))
            return null;
        return double.TryParse(unsigned.Replace("_", ""), style, CultureInfo.InvariantCulture, out var value) ? sign * value : null;
    }

    /// <summary><c>round(value, 2)</c>: the exact value to the nearest hundredth, a tie to the even one.</summary>
    public static double RoundToHundredths(double value)
    {
        if (!double.IsFinite(value) || value == 0 || Math.Abs(value) >= 1L << 52)
            return value;
        var bits = BitConverter.DoubleToInt64Bits(Math.Abs(value));
        var exponent = (int)(bits >> 52);
        var mantissa = (bits & ((1L << 52) - 1)) | (exponent == 0 ? 0 : 1L << 52);
        var shift = 1075 - Math.Max(exponent, 1); // |value| = mantissa / 2^shift, shift > 0 here
        if (shift > 80)
            return double.CopySign(0, value); // below 2^-27
        var quotient = BigInteger.DivRem(new BigInteger(mantissa) * 100, BigInteger.One << shift, out var rest);
        var half = (rest << 1).CompareTo(BigInteger.One << shift);
        if (half > 0 || (half == 0 && !quotient.IsEven))
            quotient += 1;
        return double.CopySign(double.Parse(quotient + "e-2", CultureInfo.InvariantCulture), value);
    }

    /// <summary>Whether a letter with case stands before a sigma and none after it, marks in between left out of account.</summary>
    private static bool EndsWord(string text, int sigma)
    {
        var before = sigma - 1;
        while (before >= 0 && IsCaseIgnorable(WholeAt(text, before)))
            before--;
        var after = sigma + 1;
        while (after < text.Length && IsCaseIgnorable(WholeAt(text, after)))
            after++;
        return before >= 0 && IsCased(WholeAt(text, before)) && !(after < text.Length && IsCased(WholeAt(text, after)));
    }

    /// <summary>The code point that the UTF-16 unit at an index belongs to.</summary>
    public static int WholeAt(string text, int index) => CodePoint(text, index > 0 && char.IsSurrogatePair(text[index - 1], text[index]) ? index - 1 : index);

    private static bool IsCased(int c) => CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;

    private static bool IsCaseIgnorable(int c) => c is '\'' or '.' or ':' or '\u00B7' or '\u2019' or '\u2018' || CharUnicodeInfo.GetUnicodeCategory(c)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
}
