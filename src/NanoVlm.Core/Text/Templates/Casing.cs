using System.Text;

namespace NanoVlm.Text.Templates;

/// <summary>Capitals and small letters as Python's <c>str</c> has them: some letters become two or three, and a sigma ends a word in its own form.</summary>
internal static class Casing
{
    // Letter, capitals, and what it is at the beginning of a word.
    private static readonly Dictionary<char, (string Upper, string Title)> _longer = new()
    {
        ['\u00DF'] = ("SS", "Ss"),
        ['\u0149'] = ("\u02BCN", "\u02BCN"),
        ['\u01F0'] = ("J\u030C", "J\u030C"),
        ['\uFB00'] = ("FF", "Ff"),
        ['\uFB01'] = ("FI", "Fi"),
        ['\uFB02'] = ("FL", "Fl"),
        ['\uFB03'] = ("FFI", "Ffi"),
        ['\uFB04'] = ("FFL", "Ffl"),
        ['\uFB05'] = ("ST", "St"),
        ['\uFB06'] = ("ST", "St"),
    };

    public static string Upper(string text)
    {
        string upper = text.ToUpperInvariant();
        if (!upper.Any(_longer.ContainsKey))
            return upper;
        var result = new StringBuilder();
        foreach (char letter in upper)
            result.Append(_longer.TryGetValue(letter, out var longer) ? longer.Upper : letter.ToString());
        return result.ToString();
    }

    public static string Lower(string text)
    {
        string lower = text.ToLowerInvariant();
        if (!text.AsSpan().ContainsAny('\u0130', '\u03A3'))
            return lower;
        var result = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            result.Append(text[i] switch
            {
                '\u0130' => "i\u0307",
                '\u03A3' => EndsWord(text, i) ? "\u03C2" : "\u03C3",
                _ => lower[i].ToString(),
            });
        }
        return result.ToString();
    }

    public static string Capitalize(string text)
    {
        if (text.Length == 0)
            return text;
        int first = char.IsHighSurrogate(text[0]) && text.Length > 1 ? 2 : 1;
        return First(text[..first]) + Lower(text)[Lower(text[..first]).Length..];
    }

    /// <summary>A capital at the beginning of each word, small letters after. Jinja's filter, unlike Python's method, makes ß two capitals.</summary>
    public static string Title(string text, bool filter, Func<char, bool> separates)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length;)
        {
            int start = i, rest = i + (char.IsHighSurrogate(text[i]) && i + 1 < text.Length ? 2 : 1);
            for (i = rest; i < text.Length && !separates(text[i - 1]); i++) { }
            string first = text[start..rest];
            result.Append(filter ? Upper(first) : First(first)).Append(filter ? Lower(text[rest..i]) : Lower(text[start..i])[Lower(first).Length..]);
        }
        return result.ToString();
    }

    private static string First(string letter) => letter.Length == 1 && _longer.TryGetValue(letter[0], out var longer) ? longer.Title : letter.ToUpperInvariant();

    // After a letter and before none, whatever does not count as one.
    private static bool EndsWord(string text, int at)
    {
        int before = at - 1, after = at + 1;
        while (before >= 0 && Passes(text[before]))
            before--;
        while (after < text.Length && Passes(text[after]))
            after++;
        return before >= 0 && char.IsLetter(text[before]) && !(after < text.Length && char.IsLetter(text[after]));
    }

    private static bool Passes(char c) => c is '\'' or '.' or ':' or '\u00AD' or '\u2019' || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.NonSpacingMark;
}
