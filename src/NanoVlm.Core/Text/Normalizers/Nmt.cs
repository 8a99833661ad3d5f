namespace NanoVlm.Text.Normalizers;

/// <summary>SentencePiece's clean-up for translation: control characters out, rarer spaces to plain ones.</summary>
internal sealed class Nmt : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var result = new AlignedText.Builder(text, text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text.Characters[i];
            if (c is (>= '\u0001' and <= '\u0008') or '\u000B' or (>= '\u000E' and <= '\u001F') or '\u007F' or '\u008F' or '\u009F')
                continue;
            bool space = c is '\t' or '\n' or '\f' or '\r' or '\u1680' or (>= '\u200B' and <= '\u200F') or '\u2028' or '\u2029' or '\u2581' or '\uFEFF' or '\uFFFD';
            result.Append(space ? ' ' : c, i);
        }
        return result.Build();
    }
}
