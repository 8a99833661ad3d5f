using System.Text.RegularExpressions;

namespace NanoVlm.Evaluation.Metrics;

/// <summary>
/// Captions as words in small letters without punctuation, in the manner of the Penn Treebank tokenizer that COCO's caption evaluation runs: "don't" is "do n't", "dog's" is
/// "dog 's", "cannot" is "can not"; hyphenated words, numbers (1,000 and 10:30) and abbreviations of single letters ("u.s.") stay whole; signs stand alone.
/// </summary>
internal static partial class CaptionWords
{
    // What COCO's evaluation drops. It means to drop brackets too, but asks for "-LRB-" where by then "-lrb-" stands: round brackets stay as words.
    private static readonly HashSet<string> dropped = ["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"];

    private static readonly Dictionary<string, string> brackets = new()
    {
        ["("] = "-lrb-",
        [")"] = "-rrb-",
        ["["] = "-lsb-",
        ["]"] = "-rsb-",
        ["{"] = "-lcb-",
        ["}"] = "-rcb-",
    };

    /// <summary>The words of a caption, joined by spaces; under VLMEvalKit's rules the caption as it is, since that kit does not tokenize.</summary>
    public static string Of(string caption, Rules rules)
    {
        if (rules.Harness == Harness.VlmEvalKit)
            return caption;
        var words = Token().Matches(caption.Lower().Replace('’', '\'')).SelectMany(token => Split(token.Value)).Where(word => !dropped.Contains(word));
        return string.Join(' ', words);
    }

    private static IEnumerable<string> Split(string token)
    {
        if (brackets.TryGetValue(token, out var bracket))
            return [bracket];
        if (token is "\"" or "''")
            return [];
        if (Contracted().Match(token) is { Success: true } match)
            return [match.Groups[1].Value, match.Groups[2].Value];
        return token switch
        {
            "cannot" => ["can", "not"],
            "gonna" => ["gon", "na"],
            "gotta" => ["got", "ta"],
            "wanna" => ["wan", "na"],
            "gimme" => ["gim", "me"],
            "lemme" => ["lem", "me"],
            _ => [token],
        };
    }

    // In order: abbreviations of single letters; numbers; words with hyphens and apostrophes; dots and dashes; any other sign alone.
    [GeneratedRegex(@"(?:\p{L}\.){2,}|\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?(?![\p{L}\d])|[\p{L}\p{M}\d]+(?:[-'&][\p{L}\p{M}\d]+)*|\.{2,}|-{2,}|``|''|[^\s\p{L}\p{M}\d]|\p{M}")]
    private static partial Regex Token();

    [GeneratedRegex(@"\A(.+?)(n't|'(?:s|m|d|ll|re|ve))\z")]
    private static partial Regex Contracted();
}
