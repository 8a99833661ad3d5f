namespace NanoVlm.Evaluation.Metrics;

/// <summary>
/// The numbers written in a text, found as MMMU's three patterns find them: with commas, in scientific notation, plain. Runs of digits are walked once, where the
/// patterns themselves would try every start of a long run.
/// </summary>
internal static class Numerals
{
    /// <summary>All numbers, with commas first, then scientific, then plain; digits of any script as ASCII.</summary>
    public static IEnumerable<string> In(string text)
    {
        var signs = Reduce(text);
        return Find(signs, Commas).Concat(Find(signs, Scientific)).Concat(Find(signs, Plain));
    }

    /// <summary>The text in the alphabet of the patterns: digits, the signs , . + - e E, w for other characters of words, a space for the rest.</summary>
    private static char[] Reduce(string text)
    {
        var signs = new List<char>(text.Length);
        for (var i = 0; i < text.Length; i += PythonText.Width(PythonText.CodePoint(text, i)))
        {
            var character = PythonText.CodePoint(text, i);
            var digit = PythonText.Digit(character);
            signs.Add(digit >= 0 ? (char)('0' + digit) : ",.+-eE".Contains(text[i]) ? text[i] : PythonText.IsWord(character) ? 'w' : ' ');
        }

        return [.. signs];
    }

    /// <summary>Matches from left to right that do not overlap. A pattern gives the end of the number whose first digit (or point) is at a position, or -1.</summary>
    private static IEnumerable<string> Find(char[] signs, Func<char[], int, int> pattern)
    {
        for (var i = 0; i < signs.Length;)
        {
            var digits = signs[i] == '-' ? i + 1 : i;
            var end = pattern(signs, digits);
            if (end > 0)
            {
                yield return new(signs, i, end - i);
                i = end;
            }
            else
            {
                // A number that does not match from its first digit does not match from a later one of the same run either.
                i = Math.Max(i + 1, Run(signs, i));
            }
        }
    }

    /// <summary><c>\b\d{1,3}(,\d{3})+\b</c></summary>
    private static int Commas(char[] signs, int start)
    {
        var end = Run(signs, start);
        if (end == start || end - start > 3 || (start > 0 && IsWord(signs, start - 1)))
            return -1;
        var matched = -1;
        while (end < signs.Length && signs[end] == ',' && Run(signs, end + 1) - end >= 4)
        {
            end += 4;
            if (!IsWord(signs, end))
                matched = end;
            else if (Run(signs, end) > end)
                break;
        }

        return matched;
    }

    /// <summary><c>\d+(\.\d+)?[eE][+-]?\d+</c></summary>
    private static int Scientific(char[] signs, int start)
    {
        var end = Run(signs, start);
        if (end == start)
            return -1;
        if (end < signs.Length && signs[end] == '.' && Run(signs, end + 1) > end + 1)
            end = Run(signs, end + 1);
        return Exponent(signs, end);
    }

    /// <summary><c>(\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])</c></summary>
    private static int Plain(char[] signs, int start)
    {
        var whole = Run(signs, start);
        if (whole < signs.Length && signs[whole] == '.' && Run(signs, whole + 1) is var end && end > whole + 1 && Ends(signs, end))
            return end;
        return whole > start && !IsWord(signs, whole) && Ends(signs, whole) ? whole : -1;
    }

    private static bool Ends(char[] signs, int end) => Exponent(signs, end) < 0 && !(end < signs.Length && signs[end] == ',');

    /// <summary>The end of an exponent that begins at a position, or -1.</summary>
    private static int Exponent(char[] signs, int start)
    {
        if (start >= signs.Length || signs[start] is not ('e' or 'E'))
            return -1;
        var digits = start + 1 < signs.Length && signs[start + 1] is '+' or '-' ? start + 2 : start + 1;
        return Run(signs, digits) is var end && end > digits ? end : -1;
    }

    /// <summary>The end of the run of digits at a position.</summary>
    private static int Run(char[] signs, int start)
    {
        while (start < signs.Length && char.IsAsciiDigit(signs[start]))
            start++;
        return start;
    }

    private static bool IsWord(char[] signs, int index) => index < signs.Length && signs[index] is >= '0' and <= '9' or 'w' or 'e' or 'E';
}
