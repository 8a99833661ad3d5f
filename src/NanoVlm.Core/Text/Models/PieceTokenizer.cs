using System.Runtime.InteropServices;
using System.Text;

namespace NanoVlm.Text.Models;

/// <summary>A model with its memory of words, and with the bytes of pieces written where it reads bytes.</summary>
internal sealed class PieceTokenizer(Model model)
{
    private const int _block = 16;

    private readonly WordCache _cache = new();
    private readonly string?[] _spellings = [.. Enumerable.Range(0, model.IdCount).Select(model.IdToToken)];
    private readonly int _spelledAsText = model.SpelledAsText ?? -1;

    /// <summary>How tokens are written in an encoding, by id.</summary>
    public ReadOnlySpan<string?> Spellings => _spellings;

    /// <summary>Adds the tokens of a text's pieces to an encoding. What is remembered of some pieces is fetched at once: waiting for memory,
    /// piece after piece, would be most of the time.</summary>
    public void Tokenize(SplitText split, EncodingBuilder encoding)
    {
        var buffer = new List<Token>();
        var characters = split.Text.Characters;
        Span<int> places = stackalloc int[_block];
        for (var pieces = CollectionsMarshal.AsSpan(split.Pieces); pieces.Length > 0; pieces = pieces[Math.Min(_block, pieces.Length)..])
        {
            places = places[..Math.Min(_block, pieces.Length)];
            for (int i = 0; i < places.Length; i++)
                places[i] = WordCache.PlaceOf(characters.Slice(pieces[i].Start, pieces[i].Length));
            _cache.Fetch(places);
            for (int i = 0; i < places.Length; i++)
            {
                var (start, length) = pieces[i];
                var piece = characters.Slice(start, length);
                foreach (var token in Tokenize(piece, places[i], split.Bytes, buffer))
                {
                    int from = split.Text.OriginalStart(start + token.Start), to = split.Text.OriginalEnd(start + token.End - 1);
                    if (token.Id == _spelledAsText)
                        encoding.Add(token.Id, from, to, Spell(piece[token.Start..token.End], split.Bytes));
                    else
                        encoding.Add(token.Id, from, to);
                }
            }
        }
    }

    private static string Spell(ReadOnlySpan<char> text, bool bytes) => bytes ? ByteAlphabet.Write(text) : text.ToString();

    private ReadOnlySpan<Token> Tokenize(ReadOnlySpan<char> piece, int place, bool bytes, List<Token> buffer)
    {
        if (_cache.TryFind(place, piece, out var known))
            return known;
        buffer.Clear();
        if (bytes)
            TokenizeBytes(piece, buffer);
        else
            model.Tokenize(piece, buffer);
        var tokens = CollectionsMarshal.AsSpan(buffer);
        _cache.Add(place, piece, tokens);
        return tokens;
    }

    private void TokenizeBytes(ReadOnlySpan<char> piece, List<Token> buffer)
    {
        int count = System.Text.Encoding.UTF8.GetByteCount(piece), at = 0;
        Span<char> written = count <= 256 ? stackalloc char[count] : GC.AllocateUninitializedArray<char>(count);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in piece.EnumerateRunes())
        {
            foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
                written[at++] = ByteAlphabet.ToCharacter(b);
        }
        model.Tokenize(written, buffer);
        if (count == piece.Length)
            return; // each character is one byte
        // Tokens come in order, so one way through the piece finds the characters behind their bytes.
        int i = 0, units = 0, past = 0; // the character [i, i + units) ends before byte past
        foreach (ref var token in CollectionsMarshal.AsSpan(buffer))
        {
            Seek(piece, token.Start);
            int start = i;
            Seek(piece, token.End - 1);
            token = token with { Start = start, End = i + units };
        }

        void Seek(ReadOnlySpan<char> characters, int position)
        {
            while (past <= position)
            {
                i += units;
                Rune.DecodeFromUtf16(characters[i..], out var rune, out units);
                past += rune.Utf8SequenceLength;
            }
        }
    }
}
