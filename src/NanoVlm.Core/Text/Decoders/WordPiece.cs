namespace NanoVlm.Text.Decoders;

/// <summary>Joins continuations to their words, puts spaces between words, and takes out the spaces that English would not have.</summary>
internal sealed class WordPiece(string prefix, bool cleanup) : Decoder
{
    private static readonly (string Old, string New)[] _english =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public static new WordPiece Read(JsonPart part) => new(part.Text("prefix") ?? "##", part.Bool("cleanup", true));

    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens) => [.. tokens.Select((token, i) =>
    {
        if (i > 0)
            token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : $" {token}";
        return cleanup ? _english.Aggregate(token, (text, change) => text.Replace(change.Old, change.New, StringComparison.Ordinal)) : token;
    })];
}
