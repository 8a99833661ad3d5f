using System.Text;
using System.Text.RegularExpressions;

namespace NanoVlm.Text;

/// <summary>
/// A regular expression over code points. .NET's engine sees UTF-16: half an astral letter is no letter to it. So text with
/// surrogates is matched as a shadow in which each astral character is one rare character of the same category.
/// </summary>
internal sealed class SplitPattern
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    // One character of the Basic Multilingual Plane for each UnicodeCategory, in the order of that enumeration.
    private const string _standIns =
        "\uA680\uA681\u01C5\uA717\uA500\uA6F0\uA823\uA670\uA620\uA6E6\uA830\u205F\u2028\u2029\u0086\u206A\uFFFF\uE000"
        + "\uFE4D\uFE58\u2E26\u2E27\u2E02\u2E03\uA60D\u2A0A\u20B4\uA700\uA490\uFFFF";

    private readonly Regex _regex;
    private readonly Func<string, Exception> _refuse;

    public SplitPattern(Regex regex, Func<string, Exception>? refuse = null)
    {
        _regex = regex;
        _refuse = refuse ?? (message => new NanoVlmException(message));
    }

    /// <summary>Reads <c>{"Regex": ...}</c> or <c>{"String": ...}</c>.</summary>
    public static SplitPattern Read(JsonPart part)
    {
        if (part.Text("String") is { } literal)
            return new SplitPattern(new Regex(Regex.Escape(literal), RegexOptions.CultureInvariant, _patience), part.Refuse);
        string pattern = part.Get("Regex").String();
        if (pattern.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            throw part.Refuse("patterns with characters beyond U+FFFF are not supported");
        try
        {
            return new SplitPattern(new Regex(OnigurumaPattern.Translate(pattern), RegexOptions.CultureInvariant | RegexOptions.Compiled, _patience), part.Refuse);
        }
        catch (ArgumentException e)
        {
            throw part.Refuse($"the pattern is not supported: {e.Message}");
        }
    }

    /// <summary>Appends the matches in order as (start, length).</summary>
    public void FindMatches(ReadOnlySpan<char> text, List<(int Start, int Length)> matches)
    {
        try
        {
            if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
            {
                foreach (var match in _regex.EnumerateMatches(text))
                    matches.Add((match.Index, match.Length));
                return;
            }
            var (shadow, positions) = Shadow(text);
            foreach (var match in _regex.EnumerateMatches(shadow))
            {
                int start = positions[match.Index];
                matches.Add((start, positions[match.Index + match.Length] - start));
            }
        }
        catch (RegexMatchTimeoutException)
        {
            throw _refuse($"the pattern took more than {_patience.TotalSeconds} seconds on a text of {text.Length} characters");
        }
    }

    private static (char[] Shadow, int[] Positions) Shadow(ReadOnlySpan<char> text)
    {
        var shadow = new char[text.Length];
        var positions = new int[text.Length + 1];
        int count = 0, at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            positions[count] = at;
            shadow[count++] = rune.IsBmp ? (char)rune.Value : UnicodeClasses.IsEnclosedLetter(rune) ? '\u24B6' : _standIns[(int)Rune.GetUnicodeCategory(rune)];
            at += rune.Utf16SequenceLength;
        }
        positions[count] = at;
        return (shadow[..count], positions);
    }
}
