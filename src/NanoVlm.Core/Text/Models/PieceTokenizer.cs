using System.Runtime.InteropServices;

namespace NanoVlm.Text.Models;

/// <summary>A model with its memory of words, and with the bytes of pieces written where it reads bytes.</summary>
internal sealed class PieceTokenizer(Model model)
{
    private readonly WordCache _cache = new();
    private readonly string?[] _spellings = [.. Enumerable.Range(0, model.IdCount).Select(model.IdToToken)];
    private readonly int _spelledAsText = model.SpelledAsText ?? -1;

    /// <summary>The tokens of a piece.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="bytes">Whether the model reads the piece's bytes; always the same for one tokenizer.</param>
    /// <param name="buffer">Room for tokens that are not remembered; the result may be in it.</param>
    public ReadOnlySpan<Token> Tokenize(ReadOnlySpan<char> piece, bool bytes, List<Token> buffer)
    {
        if (_cache.TryFind(piece, out var known))
            return known;
        buffer.Clear();
        if (bytes)
            TokenizeBytes(piece, buffer);
        else
            model.Tokenize(piece, buffer);
        var tokens = CollectionsMarshal.AsSpan(buffer);
        _cache.Add(piece, tokens);
        return tokens;
    }

    /// <summary>How a token of a piece is written in an encoding.</summary>
    public string Spell(Token token, ReadOnlySpan<char> piece, bool bytes)
    {
        if (token.Id != _spelledAsText)
            return _spellings[token.Id]!;
        var text = piece[token.Start..token.End];
        return bytes ? ByteAlphabet.Write(text) : text.ToString();
    }

    private void TokenizeBytes(ReadOnlySpan<char> piece, List<Token> buffer)
    {
        int count = System.Text.Encoding.UTF8.GetByteCount(piece), at = 0, i = 0;
        Span<char> written = count <= 256 ? stackalloc char[count] : new char[count];
        // The characters of the piece behind each byte.
        Span<(int Start, int End)> sources = count <= 256 ? stackalloc (int, int)[count] : new (int, int)[count];
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in piece.EnumerateRunes())
        {
            foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                written[at] = ByteAlphabet.ToCharacter(b);
                sources[at++] = (i, i + rune.Utf16SequenceLength);
            }
            i += rune.Utf16SequenceLength;
        }
        model.Tokenize(written, buffer);
        foreach (ref var token in CollectionsMarshal.AsSpan(buffer))
            token = token with { Start = sources[token.Start].Start, End = sources[token.End - 1].End };
    }
}
