namespace NanoVlm.Text.Models;

/// <summary>Each piece is one token, or the unknown one.</summary>
internal sealed class WordLevel : Model
{
    private readonly Vocabulary _vocabulary;
    private readonly int? _unknownId;

    private WordLevel(JsonPart part)
    {
        _vocabulary = Vocabulary.Read(part.Get("vocab"));
        _unknownId = TokenToId(part.Text("unk_token") ?? "<unk>");
    }

    public override int IdCount => _vocabulary.IdCount;

    public static new WordLevel Read(JsonPart part) => new(part);

    public override int? TokenToId(string token) => _vocabulary.TryGetId(token, out int id) ? id : null;

    public override string? IdToToken(int id) => _vocabulary.TokenOf(id);

    public override void Tokenize(ReadOnlySpan<char> piece, List<Token> output)
    {
        if (!_vocabulary.TryGetId(piece, out int id))
            id = _unknownId ?? throw new NanoVlmException($"The tokenizer knows no token for \"{piece}\" and has no unknown token (unk_token).");
        output.Add(new Token(id, 0, piece.Length));
    }
}
