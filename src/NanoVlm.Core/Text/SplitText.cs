namespace NanoVlm.Text;

/// <summary>A text cut into pieces; the model sees one piece at a time.</summary>
/// <param name="Text">The text.</param>
/// <param name="Pieces">Ranges of the text in order, none empty.</param>
/// <param name="Bytes">Whether the model reads the pieces' UTF-8 bytes, written in the <see cref="ByteAlphabet"/>. Writing them is left to
/// the model's side, which mostly knows the piece already.</param>
internal sealed record SplitText(AlignedText Text, List<(int Start, int Length)> Pieces, bool Bytes = false)
{
    /// <summary>The same text as one piece, as if it had been rewritten but not cut.</summary>
    public SplitText Joined() => Pieces.Count < 2 ? this : this with { Pieces = [(Pieces[0].Start, Pieces[^1].Start + Pieces[^1].Length - Pieces[0].Start)] };

    /// <summary>The same with bytes written out.</summary>
    public SplitText Written()
    {
        if (!Bytes)
            return this;
        var text = new AlignedText.Builder(Text, Text.Length + (Text.Length >> 3) + 16);
        var pieces = new List<(int, int)>(Pieces.Count);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var (start, length) in Pieces)
        {
            int first = text.Length, i = start;
            foreach (var rune in Text.Characters.Slice(start, length).EnumerateRunes())
            {
                foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
                    text.Append(ByteAlphabet.ToCharacter(b), i);
                i += rune.Utf16SequenceLength;
            }
            pieces.Add((first, text.Length - first));
        }
        return new SplitText(text.Build(), pieces);
    }
}
