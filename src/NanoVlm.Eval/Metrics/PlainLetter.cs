using System.Text.RegularExpressions;

namespace NanoVlm.Evaluation.Metrics;

/// <summary>
/// The letter that an answer plainly names. It stands alone ("b", "(B)"), leads ("B. a cat", "Option B: a cat"), is said ("the answer is B") or is the last word of an
/// answer with no other such letter ("I think it is B"); else the answer is one option's text. A word is never a letter ("A cat"), and of two that are said none is taken.
/// </summary>
internal static partial class PlainLetter
{
    /// <summary>The letter, or null.</summary>
    public static string? Of(string answer, IReadOnlyList<string> options)
    {
        var (start, end) = (0, answer.Length);
        while (start < end && !char.IsLetterOrDigit(answer[start]))
            start++;
        while (end > start && !char.IsLetterOrDigit(answer[end - 1]))
            end--;
        return Letters(Leading().Matches(answer[start..]), options)
            ?? Letters(Alone().Matches(answer[start..end]), options)
            ?? Letters(Said().Matches(answer[start..]), options)
            ?? Last(answer[start..end], options)
            ?? Text(answer, options);
    }

    private static string? Letters(IEnumerable<Match> matches, IReadOnlyList<string> options) =>
        Only(matches.Select(match => char.ToUpperInvariant(match.Groups[1].Value[0])).Where(letter => letter - 'A' < options.Count));

    private static string? Last(string text, IReadOnlyList<string> options) =>
        text.Length > 0 && text[^1] - 'A' < options.Count && Capital().IsMatch(text[^Math.Min(2, text.Length)..]) ? Letters(Capital().Matches(text), options) : null;

    private static string? Text(string answer, IReadOnlyList<string> options) =>
        Plain(answer) is { Length: > 0 } given ? Only(Enumerable.Range(0, Math.Min(26, options.Count)).Where(i => Plain(options[i]) == given).Select(i => (char)('A' + i))) : null;

    private static string? Only(IEnumerable<char> letters) => letters.Distinct().Take(2).ToArray() is [var letter] ? letter.ToString() : null;

    private static string Plain(string text) => string.Join(' ', text.Strip().TrimEnd('.').Lower().Words());

    [GeneratedRegex(@"\A(?:(?:option|choice|answer)[\s:]{1,8}\W{0,4})?([A-Z])\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Alone();

    [GeneratedRegex(@"\A(?:(?:option|choice|answer)[\s:]{1,8}\W{0,4})?([A-Z])(?:[)\].:*""']|[ \t]{0,4}[\r\n])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Leading();

    [GeneratedRegex(@"\b(?:answer|option|choice)(?:\s{1,8}is)?[\s:]{1,8}[(\[*""']{0,4}([A-Z])(?=[)\].:,;!*""']|\s{0,8}\z)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Said();

    [GeneratedRegex(@"(?<![\w'])([A-Z])(?![\w'])", RegexOptions.CultureInvariant)]
    private static partial Regex Capital();
}
