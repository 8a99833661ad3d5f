namespace NanoVlm.Text.PostProcessors;

/// <summary>Takes the white space at the ends of byte-level tokens out of their offsets.</summary>
internal sealed class ByteLevel(bool trimOffsets, bool addPrefixSpace) : PostProcessor
{
    private static readonly char _space = ByteAlphabet.ToCharacter((byte)' ');

    public static new ByteLevel Read(JsonPart part) => new(part.Bool("trim_offsets", true), part.Bool("add_prefix_space", true));

    public override IReadOnlyList<Encoding> Apply(IReadOnlyList<Encoding> sequences, bool addSpecialTokens) =>
        trimOffsets ? [.. sequences.Select(s => s with { Offsets = Trim(s) })] : sequences;

    private (int, int)[] Trim(Encoding sequence)
    {
        var offsets = new (int, int)[sequence.Length];
        for (int i = 0; i < offsets.Length; i++)
        {
            var (start, end) = sequence.Offsets[i];
            string token = sequence.Tokens[i];
            int leading = 0, trailing = 0;
            while (leading < token.Length && IsSpace(token[leading]))
                leading++;
            while (trailing < token.Length && IsSpace(token[^(trailing + 1)]))
                trailing++;
            // A first token's single space may be the one that the pre-tokenizer put there; more than one are the text's.
            if (leading == 1 && addPrefixSpace && (i == 0 || start == 0))
                leading = 0;
            start = Math.Min(start + leading, end);
            if (trailing > 0 && end >= trailing)
                end = Math.Max(end - trailing, start);
            offsets[i] = (start, end);
        }
        return offsets;
    }

    private static bool IsSpace(char c) => c == _space || char.IsWhiteSpace(c);
}
