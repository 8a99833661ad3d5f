using System.Text;

namespace NanoVlm.Text.Models;

/// <summary>
/// Unigram (Kudo 2018, arXiv:1804.10959): the cut of a piece whose tokens have the highest sum of log-probabilities, by Viterbi.
/// Of equal sums the one found first wins: the one whose last token begins earlier.
/// </summary>
internal sealed class Unigram : Model
{
    // What an unknown character costs beyond the rarest token; SentencePiece's constant.
    private const double _unknownPenalty = 10;

    private readonly string[] _tokens;
    private readonly double[] _scores;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsBySpan;
    private readonly Trie _trie;
    private readonly double _unknownScore;
    private readonly int? _unknownId;
    private readonly ByteTokens? _bytes;

    private Unigram(JsonPart part)
    {
        var entries = part.Get("vocab").Items().Select(ReadEntry).ToArray();
        _tokens = [.. entries.Select(e => e.Token)];
        _scores = [.. entries.Select(e => e.Score)];
        _ids = new Dictionary<string, int>(_tokens.Length);
        for (int id = 0; id < _tokens.Length; id++)
            _ids[_tokens[id]] = id;
        _idsBySpan = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _trie = new Trie(_ids.Where(t => t.Key.Length > 0).Select(t => (t.Key, t.Value)), _tokens.Length);
        _unknownScore = _scores.Length == 0 ? 0 : _scores.Min() - _unknownPenalty;
        if (part.Find("unk_id") is { } unknown)
            _unknownId = unknown.Int() is var id && id >= 0 && id < _tokens.Length ? id : throw unknown.Refuse($"unk_id {id} is not in the vocabulary of {_tokens.Length} tokens");
        if (part.Bool("byte_fallback", false))
            _bytes = new ByteTokens(TokenToId);
    }

    public override int IdCount => _tokens.Length;

    public static new Unigram Read(JsonPart part) => new(part);

    public override int? TokenToId(string token) => _ids.TryGetValue(token, out int id) ? id : null;

    public override string? IdToToken(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    /// <summary>Unknown text is its own token's spelling, as the tokenizers library has it.</summary>
    public override int? SpelledAsText => _unknownId;

    public override void Tokenize(ReadOnlySpan<char> piece, List<Token> output)
    {
        var best = BestPath(piece);
        int first = output.Count;
        for (int end = piece.Length; end > 0;)
        {
            int start = best[end].Start, from = start;
            // Unknown characters in a row are one token.
            while (best[end].Id == _unknownId && start > 0 && best[start].Id == _unknownId)
                start = best[start].Start;
            Add(piece, start, end, start == from ? best[end].Id : _unknownId ?? -1, output);
            end = start;
        }
        output.Reverse(first, output.Count - first);
    }

    private (double Score, int Start, int Id)[] BestPath(ReadOnlySpan<char> piece)
    {
        var best = new (double Score, int Start, int Id)[piece.Length + 1];
        best.AsSpan(1).Fill((0, -1, -1));
        for (int start = 0, next; start < piece.Length; start = next)
        {
            Rune.DecodeFromUtf16(piece[start..], out _, out int length);
            next = start + length;
            double here = best[start].Score;
            bool known = false;
            int node = Trie.Root;
            for (int end = start; end < piece.Length && _trie.TryStep(ref node, piece[end]);)
            {
                end++;
                if (_trie.IdAt(node) is >= 0 and var id)
                {
                    Offer(end, here + _scores[id], id);
                    known |= end == next;
                }
            }
            if (!known)
                Offer(next, here + _unknownScore, _unknownId ?? -1);

            void Offer(int end, double score, int id)
            {
                if (best[end].Start < 0 || score > best[end].Score)
                    best[end] = (score, start, id);
            }
        }
        return best;
    }

    // Tokens are added from the last to the first.
    private void Add(ReadOnlySpan<char> piece, int start, int end, int id, List<Token> output)
    {
        if (_idsBySpan.TryGetValue(piece[start..end], out int known))
        {
            output.Add(new Token(known, start, end));
            return;
        }
        int first = output.Count;
        if (_bytes is not null && _bytes.TryAdd(piece[start..end], start, end, output))
            output.Reverse(first, output.Count - first);
        else if (id >= 0)
            output.Add(new Token(id, start, end));
        else
            throw new NanoVlmException($"The tokenizer knows no token for \"{piece[start..end]}\" and names no unknown token (unk_id).");
    }

    private static (string Token, double Score) ReadEntry(JsonPart entry)
    {
        var items = entry.Items().ToArray();
        if (items.Length != 2 || items[1].Value.ValueKind != System.Text.Json.JsonValueKind.Number || !items[1].Value.TryGetDouble(out double score) || !double.IsFinite(score))
            throw entry.Expected("[token, score]");
        return (items[0].String(), score);
    }
}
