using System.Globalization;
using System.Text;

namespace NanoVlm.Text.Normalizers;

/// <summary>Takes out non-spacing marks; accents that are part of a letter need decomposition first.</summary>
internal sealed class StripAccents : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var result = new AlignedText.Builder(text, text.Length);
        int i = 0;
        foreach (var rune in text.Characters.EnumerateRunes())
        {
            for (int end = i + rune.Utf16SequenceLength; i < end; i++)
            {
                if (Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark)
                    result.Append(text.Characters[i], i);
            }
        }
        return result.Build();
    }
}
