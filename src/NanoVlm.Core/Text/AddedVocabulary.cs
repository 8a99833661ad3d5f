using System.Buffers;
using System.Text;

namespace NanoVlm.Text;

/// <summary>The added tokens of a tokenizer and the search for them, leftmost first and then longest.</summary>
internal sealed class AddedVocabulary
{
    private readonly Dictionary<int, AddedToken> _byId = [];
    private readonly Dictionary<int, string> _texts = [];
    private readonly Dictionary<string, int> _ids = [];
    private readonly Matcher _raw, _normalized;

    /// <param name="tokens">Tokens and their ids.</param>
    /// <param name="normalize">How the tokens that are looked for in normalized text are normalized themselves.</param>
    public AddedVocabulary(IEnumerable<(AddedToken Token, int Id)> tokens, Func<string, string> normalize)
    {
        foreach (var (token, id) in tokens)
        {
            _byId[id] = token;
            _texts[id] = token.Normalized ? normalize(token.Content) : token.Content;
            _ids[token.Content] = id;
        }
        _raw = new Matcher(_byId.Where(t => !t.Value.Normalized).Select(t => (_texts[t.Key], t.Key)), _byId);
        _normalized = new Matcher(_byId.Where(t => t.Value.Normalized).Select(t => (_texts[t.Key], t.Key)), _byId);
    }

    public IEnumerable<(AddedToken Token, int Id)> Tokens => _byId.OrderBy(t => t.Key).Select(t => (t.Value, t.Key));

    public int IdCount => _byId.Count == 0 ? 0 : _byId.Keys.Max() + 1;

    public int? TokenToId(string token) => _ids.TryGetValue(token, out int id) ? id : null;

    public AddedToken? IdToToken(int id) => _byId.GetValueOrDefault(id);

    /// <summary>What the search looks for, and what decoding gives back: the token as normalized, if it is.</summary>
    public string TextOf(int id) => _texts[id];

    /// <summary>Cuts text as given into added tokens (id, start, length) and what lies between them (id -1).</summary>
    public List<(int Id, int Start, int Length)> CutRaw(ReadOnlySpan<char> text) => _raw.Cut(text);

    /// <summary>The same for normalized text and the tokens that are looked for there.</summary>
    public List<(int Id, int Start, int Length)> CutNormalized(ReadOnlySpan<char> text) => _normalized.Cut(text);

    private sealed class Matcher
    {
        private readonly Dictionary<string, int> _ids = [];
        private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsBySpan;
        private readonly Dictionary<int, AddedToken> _tokens;
        private readonly SearchValues<string> _search;
        private readonly int[] _lengths;

        public Matcher(IEnumerable<(string Content, int Id)> contents, Dictionary<int, AddedToken> tokens)
        {
            foreach (var (content, id) in contents)
            {
                if (content.Length > 0)
                    _ids.TryAdd(content, id);
            }
            _idsBySpan = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
            _tokens = tokens;
            _search = SearchValues.Create([.. _ids.Keys], StringComparison.Ordinal);
            _lengths = [.. _ids.Keys.Select(c => c.Length).Distinct().OrderDescending()];
        }

        public List<(int Id, int Start, int Length)> Cut(ReadOnlySpan<char> text)
        {
            var cuts = new List<(int Id, int Start, int Length)>();
            int done = 0;
            for (int at = 0; _ids.Count > 0 && text[at..].IndexOfAny(_search) is >= 0 and var skip;)
            {
                at += skip;
                var (id, length) = LongestAt(text, at);
                int start = at, end = at + length;
                at = end;
                var token = _tokens[id];
                if (token.SingleWord && (EndsWithWord(text[..start]) || StartsWithWord(text[end..])))
                    continue;
                if (token.LeftStrip)
                    start = Math.Max(text[..start].TrimEnd().Length, done);
                if (token.RightStrip)
                    end = text.Length - text[end..].TrimStart().Length;
                if (start > done)
                    cuts.Add((-1, done, start - done));
                // The token before may have taken all of this one along.
                if (end <= start)
                    continue;
                cuts.Add((id, start, end - start));
                done = end;
            }
            if (done < text.Length)
                cuts.Add((-1, done, text.Length - done));
            return cuts;
        }

        private (int Id, int Length) LongestAt(ReadOnlySpan<char> text, int at)
        {
            foreach (int length in _lengths)
            {
                if (at + length <= text.Length && _idsBySpan.TryGetValue(text.Slice(at, length), out int id))
                    return (id, length);
            }
            throw new InvalidOperationException("a found token has no id");
        }

        private static bool EndsWithWord(ReadOnlySpan<char> text) =>
            Rune.DecodeLastFromUtf16(text, out var rune, out _) == OperationStatus.Done && UnicodeClasses.IsWord(rune);

        private static bool StartsWithWord(ReadOnlySpan<char> text) =>
            Rune.DecodeFromUtf16(text, out var rune, out _) == OperationStatus.Done && UnicodeClasses.IsWord(rune);
    }
}
