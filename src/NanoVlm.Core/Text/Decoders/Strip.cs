namespace NanoVlm.Text.Decoders;

/// <summary>Takes a character off the ends of each token, so many times at most.</summary>
internal sealed class Strip(string content, int start, int stop) : Decoder
{
    public static new Strip Read(JsonPart part) =>
        new(part.Get("content").String() is { Length: > 0 } content ? content : throw part.Refuse("\"content\" is empty"), part.Get("start").Int(), part.Get("stop").Int());

    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens) => [.. tokens.Select(Trim)];

    private string Trim(string token)
    {
        for (int n = 0; n < start && token.StartsWith(content, StringComparison.Ordinal); n++)
            token = token[content.Length..];
        for (int n = 0; n < stop && token.EndsWith(content, StringComparison.Ordinal); n++)
            token = token[..^content.Length];
        return token;
    }
}
