using System.Text;

namespace NanoVlm.Text.Normalizers;

/// <summary>
/// Writes the next version of a text as a list of characters that each say how many of the text they use up. This is how the tokenizers
/// library keeps its offsets; after reordered or composed accents they depend on it.
/// </summary>
internal sealed class Rewriting(AlignedText source)
{
    private readonly AlignedText.Builder _result = new(source, source.Length);
    private int _next;

    /// <summary>Appends a character.</summary>
    /// <param name="rune">The character.</param>
    /// <param name="change">1: it is added and stands for what the one before the next stands for. 0: it takes the place of the next
    /// character. -n: it takes the place of the next and of n more.</param>
    public void Append(Rune rune, int change)
    {
        Span<char> units = stackalloc char[2];
        units = units[..rune.EncodeToUtf16(units)];
        if (change > 0 || _next >= source.Length)
        {
            _result.Append(units, Math.Max(_next - 1, 0));
            return;
        }
        _result.Append(units, _next);
        for (; change <= 0 && _next < source.Length; change++)
            _next += char.IsHighSurrogate(source.Characters[_next]) ? 2 : 1;
    }

    public AlignedText Build() => _result.Build();
}
