namespace NanoVlm.Text;

/// <summary>What a text became: token ids with the strings and places behind them. All arrays have one entry a token.</summary>
/// <param name="Ids">Token ids, <c>[T]</c>.</param>
/// <param name="Tokens">The tokens as the vocabulary spells them; an added token as it stood in the text.</param>
/// <param name="Offsets">Half-open range of the text behind each token, in Unicode code points; (0, 0) for tokens that a
/// post-processor put in.</param>
public sealed record Encoding(int[] Ids, string[] Tokens, (int Start, int End)[] Offsets)
{
    /// <summary>Which sequence of a pair a token belongs to, as the post-processor numbers them.</summary>
    public int[] TypeIds { get; init; } = new int[Ids.Length];

    /// <summary>True for tokens that the post-processor put in (not for special tokens found in the text).</summary>
    public bool[] SpecialTokensMask { get; init; } = new bool[Ids.Length];

    /// <summary>Number of tokens.</summary>
    public int Length => Ids.Length;

    internal Encoding WithTypeId(int typeId)
    {
        var types = new int[Length];
        Array.Fill(types, typeId);
        return this with { TypeIds = types };
    }

    internal static Encoding Concatenate(IReadOnlyList<Encoding> parts) => parts.Count == 1 ? parts[0] :
        new([.. parts.SelectMany(p => p.Ids)], [.. parts.SelectMany(p => p.Tokens)], [.. parts.SelectMany(p => p.Offsets)])
        {
            TypeIds = [.. parts.SelectMany(p => p.TypeIds)],
            SpecialTokensMask = [.. parts.SelectMany(p => p.SpecialTokensMask)],
        };
}
