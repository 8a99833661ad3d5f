using System.Runtime.InteropServices;
using System.Text;

namespace NanoVlm.Text.Models;

/// <summary>
/// Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909): a piece starts as single characters, then the adjacent pair
/// with the lowest rank is merged until no pair has a rank.
/// </summary>
internal sealed class Bpe : Model
{
    private readonly Vocabulary _vocabulary;
    private readonly PairTable _merges; // to rank << 32 | id
    private readonly int[] _characterIds = new int[char.MaxValue + 1];
    private readonly bool _ignoreMerges, _fuseUnknown;
    private readonly ByteTokens? _bytes;
    private readonly int? _unknownId;
    private readonly string? _prefix, _suffix;

    private Bpe(JsonPart part)
    {
        if (part.Find("dropout") is { } dropout && dropout.Value.ToString() is not ("0" or "0.0"))
            throw dropout.Refuse("BPE dropout makes encodings random and is not supported; set it to null");
        _ignoreMerges = part.Bool("ignore_merges", false);
        _fuseUnknown = part.Bool("fuse_unk", false);
        // An empty affix is the same as none.
        _prefix = part.Text("continuing_subword_prefix") is { Length: > 0 } prefix ? prefix : null;
        _suffix = part.Text("end_of_word_suffix") is { Length: > 0 } suffix ? suffix : null;
        _vocabulary = Vocabulary.Read(part.Get("vocab"));
        _merges = new MergeList(part.Get("merges"), _vocabulary, _prefix?.Length ?? 0).Read();
        if (part.Text("unk_token") is { } unknown)
            _unknownId = _vocabulary.TryGetId(unknown, out int id) ? id : throw part.Refuse($"unk_token \"{unknown}\" is not in the vocabulary");
        if (part.Bool("byte_fallback", false))
            _bytes = new ByteTokens(TokenToId);
        Array.Fill(_characterIds, -1);
        foreach (string token in _vocabulary.Tokens)
        {
            if (token.Length == 1)
                _characterIds[token[0]] = _vocabulary[token];
        }
    }

    public override int IdCount => _vocabulary.IdCount;

    public static new Bpe Read(JsonPart part) => new(part);

    public override int? TokenToId(string token) => _vocabulary.TryGetId(token, out int id) ? id : null;

    public override string? IdToToken(int id) => _vocabulary.TokenOf(id);

    public override void Tokenize(ReadOnlySpan<char> piece, List<Token> output)
    {
        if (_ignoreMerges && _vocabulary.TryGetId(piece, out int whole))
        {
            output.Add(new Token(whole, 0, piece.Length));
            return;
        }
        int first = output.Count;
        AddCharacters(piece, output);
        int count = Merging.Merge(CollectionsMarshal.AsSpan(output)[first..], _merges);
        CollectionsMarshal.SetCount(output, first + count);
    }

    /// <summary>The piece as single characters: their tokens, else their bytes' tokens, else the unknown token, else nothing.</summary>
    private void AddCharacters(ReadOnlySpan<char> piece, List<Token> output)
    {
        bool afterUnknown = false;
        for (int start = 0, end; start < piece.Length; start = end)
        {
            Rune.DecodeFromUtf16(piece[start..], out _, out int length);
            end = start + length;
            int id = CharacterId(piece, start, end);
            if (id >= 0)
            {
                output.Add(new Token(id, start, end));
                afterUnknown = false;
            }
            else if (_bytes is not null && _bytes.TryAdd(piece[start..end], start, end, output))
            {
                // Bytes neither end nor begin a run of unknown characters.
            }
            else if (_unknownId is { } unknown)
            {
                if (_fuseUnknown && afterUnknown && output[^1].Id == unknown)
                    output[^1] = output[^1] with { End = end };
                else
                    output.Add(new Token(unknown, start, end));
                afterUnknown = true;
            }
        }
    }

    private int CharacterId(ReadOnlySpan<char> piece, int start, int end)
    {
        if (_prefix is null && _suffix is null && end - start == 1)
            return _characterIds[piece[start]];
        var token = piece[start..end];
        if (_prefix is not null && start > 0)
            token = string.Concat(_prefix, token);
        if (_suffix is not null && end == piece.Length)
            token = string.Concat(token, _suffix);
        return _vocabulary.TryGetId(token, out int id) ? id : -1;
    }
}
