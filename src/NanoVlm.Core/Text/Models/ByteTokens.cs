namespace NanoVlm.Text.Models;

/// <summary>The tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>, which spell what a vocabulary has no token for.</summary>
internal sealed class ByteTokens(Func<string, int?> tokenToId)
{
    private readonly int[] _ids = [.. Enumerable.Range(0, 256).Select(b => tokenToId($"<0x{b:X2}>") ?? -1)];

    /// <summary>Appends the tokens of a text's UTF-8 bytes, each standing for [start, end); false, and nothing, if one is missing.</summary>
    public bool TryAdd(ReadOnlySpan<char> text, int start, int end, List<Token> output)
    {
        int first = output.Count;
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                if (_ids[b] < 0)
                {
                    output.RemoveRange(first, output.Count - first);
                    return false;
                }
                output.Add(new Token(_ids[b], start, end));
            }
        }
        return true;
    }
}
