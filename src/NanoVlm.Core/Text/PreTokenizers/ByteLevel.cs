using System.Text;
using System.Text.RegularExpressions;

namespace NanoVlm.Text.PreTokenizers;

/// <summary>GPT-2's pre-tokenizer: an optional leading space, its splitting pattern, then bytes written as characters.</summary>
internal sealed partial class ByteLevel(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private static readonly SplitPattern _words = new(Words());

    public static new ByteLevel Read(JsonPart part) => new(part.Bool("add_prefix_space", true), part.Bool("use_regex", true));

    public override SplitText Apply(SplitText input)
    {
        if (addPrefixSpace)
            input = WithPrefixSpaces(input);
        if (useRegex)
            input = SplitWords(input);
        return ToBytes(input);
    }

    private static SplitText WithPrefixSpaces(SplitText input)
    {
        var text = new AlignedText.Builder(input.Text, input.Text.Length + input.Pieces.Count);
        var pieces = new List<(int, int)>(input.Pieces.Count);
        foreach (var (start, length) in input.Pieces)
        {
            int first = text.Length;
            var piece = input.Text.Characters.Slice(start, length);
            if (piece[0] != ' ')
                text.Append(' ', start);
            for (int i = 0; i < piece.Length; i++)
                text.Append(piece[i], start + i);
            pieces.Add((first, text.Length - first));
        }
        return new SplitText(text.Build(), pieces);
    }

    private static SplitText SplitWords(SplitText input)
    {
        // The pattern matches every character, so the matches are the pieces.
        var pieces = new List<(int Start, int Length)>();
        foreach (var (start, length) in input.Pieces)
        {
            int first = pieces.Count;
            _words.FindMatches(input.Text.Characters.Slice(start, length), pieces);
            for (int i = first; i < pieces.Count; i++)
                pieces[i] = (pieces[i].Start + start, pieces[i].Length);
        }
        return input with { Pieces = pieces };
    }

    private static SplitText ToBytes(SplitText input)
    {
        var text = new AlignedText.Builder(input.Text, input.Text.Length + (input.Text.Length >> 3) + 16);
        var pieces = new List<(int, int)>(input.Pieces.Count);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var (start, length) in input.Pieces)
        {
            int first = text.Length;
            var piece = input.Text.Characters.Slice(start, length);
            for (int i = 0; i < piece.Length;)
            {
                if (piece[i] < 0x80)
                {
                    text.Append(ByteAlphabet.ToCharacter((byte)piece[i]), start + i);
                    i++;
                    continue;
                }
                Rune.DecodeFromUtf16(piece[i..], out var rune, out int units);
                foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
                    text.Append(ByteAlphabet.ToCharacter(b), start + i);
                i += units;
            }
            pieces.Add((first, text.Length - first));
        }
        return new SplitText(text.Build(), pieces);
    }

    // The pattern of GPT-2's encoder.py (Radford et al. 2019).
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
