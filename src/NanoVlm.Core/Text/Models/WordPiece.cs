namespace NanoVlm.Text.Models;

/// <summary>
/// WordPiece as BERT uses it (Devlin et al. 2018): the longest token that a word begins with, then the longest that goes on, and so
/// to the end; a word that cannot be spelled so is one unknown token.
/// </summary>
internal sealed class WordPiece : Model
{
    private readonly Vocabulary _vocabulary;
    private readonly Trie _beginnings, _continuations;
    private readonly int _unknownId, _longestWord;

    private WordPiece(JsonPart part)
    {
        _vocabulary = Vocabulary.Read(part.Get("vocab"));
        string unknown = part.Text("unk_token") ?? "[UNK]", prefix = part.Text("continuing_subword_prefix") ?? "##";
        _unknownId = TokenToId(unknown) ?? throw part.Refuse($"unk_token \"{unknown}\" is not in the vocabulary");
        _longestWord = part.Find("max_input_chars_per_word")?.Int() ?? 100;
        var tokens = _vocabulary.Tokens.Where(t => t.Length > 0).Select(t => (t, _vocabulary[t])).ToArray();
        var continuations = tokens.Where(t => t.t.Length > prefix.Length && t.t.StartsWith(prefix, StringComparison.Ordinal)).Select(t => (t.t[prefix.Length..], t.Item2)).ToArray();
        _beginnings = new Trie(tokens, tokens.Length);
        _continuations = new Trie(continuations, continuations.Length);
    }

    public override int IdCount => _vocabulary.IdCount;

    public static new WordPiece Read(JsonPart part) => new(part);

    public override int? TokenToId(string token) => _vocabulary.TryGetId(token, out int id) ? id : null;

    public override string? IdToToken(int id) => _vocabulary.TokenOf(id);

    public override void Tokenize(ReadOnlySpan<char> piece, List<Token> output)
    {
        int first = output.Count;
        bool tooLong = piece.Length > _longestWord && CountRunes(piece) > _longestWord;
        for (int start = 0; start < piece.Length;)
        {
            if (tooLong || Longest(start == 0 ? _beginnings : _continuations, piece[start..]) is not { Length: > 0 } token)
            {
                output.RemoveRange(first, output.Count - first);
                output.Add(new Token(_unknownId, 0, piece.Length));
                return;
            }
            output.Add(new Token(token.Id, start, start + token.Length));
            start += token.Length;
        }
    }

    private static (int Id, int Length) Longest(Trie trie, ReadOnlySpan<char> text)
    {
        var longest = (Id: -1, Length: 0);
        int node = Trie.Root;
        for (int i = 0; i < text.Length && trie.TryStep(ref node, text[i]); i++)
        {
            if (trie.IdAt(node) is >= 0 and var id)
                longest = (id, i + 1);
        }
        return longest;
    }

    private static int CountRunes(ReadOnlySpan<char> text)
    {
        int count = 0;
        foreach (var _ in text.EnumerateRunes())
            count++;
        return count;
    }
}
