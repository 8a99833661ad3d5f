using System.Globalization;
using System.Text;

namespace NanoVlm.Text.Normalizers;

/// <summary>BERT's clean-up: control characters out, any white space to spaces, spaces around CJK characters, accents off, lower case.</summary>
internal sealed class BertNormalizer(bool cleanText, bool handleChineseCharacters, bool stripAccents, bool lowercase) : Normalizer
{
    private static readonly Normalizer _decompose = new UnicodeNormalizer(compatibility: false, compose: false), _lowercase = new Lowercase();
    private static readonly Normalizer _stripMarks = new StripAccents(c => c == UnicodeCategory.NonSpacingMark);

    public static new BertNormalizer Read(JsonPart part)
    {
        bool lowercase = part.Bool("lowercase", true);
        return new BertNormalizer(part.Bool("clean_text", true), part.Bool("handle_chinese_chars", true), part.Bool("strip_accents", lowercase), lowercase);
    }

    public override AlignedText Apply(AlignedText text)
    {
        if (cleanText || handleChineseCharacters)
            text = Clean(text);
        if (stripAccents)
            text = _stripMarks.Apply(_decompose.Apply(text));
        return lowercase ? _lowercase.Apply(text) : text;
    }

    private AlignedText Clean(AlignedText text)
    {
        var result = new AlignedText.Builder(text, text.Length);
        int i = 0;
        foreach (var rune in text.Characters.EnumerateRunes())
        {
            int start = i;
            i += rune.Utf16SequenceLength;
            if (cleanText && IsDropped(rune))
                continue;
            if (cleanText && Rune.IsWhiteSpace(rune))
            {
                result.Append(' ', start);
                continue;
            }
            bool apart = handleChineseCharacters && IsChinese(rune.Value);
            if (apart)
                result.Append(' ', start);
            result.Append(text.Characters[start..i], start);
            if (apart)
                result.Append(' ', start);
        }
        return result.Build();
    }

    private static bool IsDropped(Rune rune) => rune.Value is not ('\t' or '\n' or '\r')
        && (rune.Value is 0 or 0xFFFD || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.PrivateUse);

    private static bool IsChinese(int c) => c is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF
        or >= 0x2A700 and <= 0x2B73F or >= 0x2B740 and <= 0x2B81F or >= 0x2B920 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F;
}
