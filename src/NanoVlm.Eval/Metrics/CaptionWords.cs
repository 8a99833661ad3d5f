using System.Text.RegularExpressions;

namespace NanoVlm.Evaluation.Metrics;

/// <summary>
/// Captions as words in small letters without punctuation, in the manner of the Penn Treebank tokenizer that COCO's caption evaluation runs: "don't" is "do n't", "dog's" is
/// "dog 's", "cannot" is "can not"; hyphenated words, numbers (1,000 and 10:30) and abbreviations of single letters ("u.s.") stay whole; signs stand alone.
/// </summary>
internal static partial class CaptionWords
{
    private static readonly HashSet<string> dropped = ["''", "'", "``", "`", "\"", ".", "?", "!", ",", ":", "-", "--", "...", ";"];

    // COCO's evaluation means to drop brackets, but asks for "-LRB-" where by then "-lrb-" stands: they stay as words.
    private static readonly Dictionary<string, string[]> parts = new()
    {
        ["("] = ["-lrb-"],
        [")"] = ["-rrb-"],
        ["["] = ["-lsb-"],
        ["]"] = ["-rsb-"],
        ["{"] = ["-lcb-"],
        ["}"] = ["-rcb-"],
        ["cannot"] = ["can", "not"],
        ["gonna"] = ["gon", "na"],
        ["gotta"] = ["got", "ta"],
        ["wanna"] = ["wan", "na"],
        ["gimme"] = ["gim", "me"],
        ["lemme"] = ["lem", "me"],
    };

    /// <summary>The words of a caption, joined by spaces; under VLMEvalKit's rules the caption as it is, since that kit does not tokenize.</summary>
    public static string Of(string caption, Rules rules)
    {
        if (rules.Harness == Harness.VlmEvalKit)
            return caption;
        var text = caption.Lower().Replace('’', '\'');
        var words = new List<string>();
        foreach (var match in Token().EnumerateMatches(text))
            Split(text.Substring(match.Index, match.Length), words);
        return string.Join(' ', words.Where(word => !dropped.Contains(word)));
    }

    private static void Split(string token, List<string> words)
    {
        if (parts.TryGetValue(token, out var known))
            words.AddRange(known);
        else if (token.Contains('\'') && Contracted().Match(token) is { Success: true } match)
            words.AddRange([match.Groups[1].Value, match.Groups[2].Value]);
        else
            words.Add(token);
    }

    // In order: abbreviations of single letters; numbers; words with hyphens and apostrophes; dots and dashes; any other sign alone.
    [GeneratedRegex(@"(?:\p{L}\.){2,}|\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?(?![\p{L}\d])|[\p{L}\p{M}\d]+(?:[-'&][\p{L}\p{M}\d]+)*|\.{2,}|-{2,}|``|''|[^\s\p{L}\p{M}\d]|\p{M}")]
    private static partial Regex Token();

    [GeneratedRegex(@"\A(.+?)(n't|'(?:s|m|d|ll|re|ve))\z")]
    private static partial Regex Contracted();
}
