namespace NanoVlm.Text.Normalizers;

/// <summary>Replaces the matches of a pattern; the new text stands for the last character of the match.</summary>
internal sealed class Replace(SplitPattern pattern, string content) : Normalizer
{
    public static new Replace Read(JsonPart part) => new(SplitPattern.Read(part.Get("pattern")), part.Get("content").String());

    public override AlignedText Apply(AlignedText text)
    {
        var matches = new List<(int Start, int Length)>();
        if (text.Length > 0)
            pattern.FindMatches(text.Characters, matches);
        if (matches.Count == 0)
            return text;
        var result = new AlignedText.Builder(text, text.Length);
        int at = 0;
        foreach (var (start, length) in matches)
        {
            for (; at < start; at++)
                result.Append(text.Characters[at], at);
            at += length;
            foreach (char c in content)
                result.Append(c, Math.Max(at - 1, 0));
        }
        for (; at < text.Length; at++)
            result.Append(text.Characters[at], at);
        return result.Build();
    }
}
