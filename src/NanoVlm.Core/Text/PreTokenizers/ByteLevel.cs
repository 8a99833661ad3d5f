namespace NanoVlm.Text.PreTokenizers;

/// <summary>GPT-2's pre-tokenizer: an optional leading space, its splitting pattern, then bytes written as characters.</summary>
internal sealed class ByteLevel(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    public static new ByteLevel Read(JsonPart part) => new(part.Bool("add_prefix_space", true), part.Bool("use_regex", true));

    public override SplitText Apply(SplitText input)
    {
        if (addPrefixSpace)
            input = WithPrefixSpaces(input);
        if (useRegex)
            input = SplitWords(input);
        return input with { Bytes = true };
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
        var pieces = new List<(int Start, int Length)>(input.Pieces.Count + (input.Text.Length >> 2));
        foreach (var (start, length) in input.Pieces)
            Gpt2Words.Cut(input.Text.Characters.Slice(start, length), start, pieces);
        return input with { Pieces = pieces };
    }
}
