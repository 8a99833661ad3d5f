using System.Text;

namespace NanoVlm.Text.Decoders;

/// <summary>Replaces the matches of a pattern in each token.</summary>
internal sealed class Replace(SplitPattern pattern, string content) : Decoder
{
    public static new Replace Read(JsonPart part) => new(SplitPattern.Read(part.Get("pattern")), part.Get("content").String());

    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens)
    {
        var matches = new List<(int Start, int Length)>();
        return [.. tokens.Select(token =>
        {
            matches.Clear();
            pattern.FindMatches(token, matches);
            if (matches.Count == 0)
                return token;
            var text = new StringBuilder();
            int at = 0;
            foreach (var (start, length) in matches)
            {
                text.Append(token, at, start - at).Append(content);
                at = start + length;
            }
            return text.Append(token, at, token.Length - at).ToString();
        })];
    }
}
