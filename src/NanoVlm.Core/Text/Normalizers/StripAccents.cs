using System.Globalization;
using System.Text;

namespace NanoVlm.Text.Normalizers;

/// <summary>Takes marks out; accents that are part of a letter need decomposition first.</summary>
/// <param name="isMark">Which categories are marks.</param>
internal sealed class StripAccents(Func<UnicodeCategory, bool> isMark) : Normalizer
{
    /// <summary>The normalizer of that name, which takes all marks.</summary>
    public StripAccents()
        : this(c => c is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark)
    {
    }

    public override AlignedText Apply(AlignedText text)
    {
        if (System.Text.Ascii.IsValid(text.Characters))
            return text;
        var result = new AlignedText.Builder(text, text.Length);
        int i = 0;
        foreach (var rune in text.Characters.EnumerateRunes())
        {
            if (!isMark(Rune.GetUnicodeCategory(rune)))
                result.Append(text.Characters.Slice(i, rune.Utf16SequenceLength), i);
            i += rune.Utf16SequenceLength;
        }
        return result.Build();
    }
}
