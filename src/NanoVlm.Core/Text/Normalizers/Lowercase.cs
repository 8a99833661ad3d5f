using System.Text;

namespace NanoVlm.Text.Normalizers;

/// <summary>Lower case, character by character and in no language in particular.</summary>
internal sealed class Lowercase : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var result = new AlignedText.Builder(text, text.Length);
        Span<char> units = stackalloc char[2];
        int i = 0;
        foreach (var rune in text.Characters.EnumerateRunes())
        {
            foreach (char unit in units[..Rune.ToLowerInvariant(rune).EncodeToUtf16(units)])
                result.Append(unit == 'İ' ? 'i' : unit, i);
            // The one letter whose lower case is two characters.
            if (rune.Value == 'İ')
                result.Append('\u0307', i);
            i += rune.Utf16SequenceLength;
        }
        return result.Build();
    }
}
