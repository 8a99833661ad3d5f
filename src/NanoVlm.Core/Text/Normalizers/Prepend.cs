namespace NanoVlm.Text.Normalizers;

/// <summary>Puts a text in front of whatever is not empty; it stands for the first character.</summary>
internal sealed class Prepend(string prefix) : Normalizer
{
    public static new Prepend Read(JsonPart part) => new(part.Get("prepend").String());

    public override AlignedText Apply(AlignedText text)
    {
        if (text.Length == 0)
            return text;
        var result = new AlignedText.Builder(text, prefix.Length + text.Length);
        foreach (char c in prefix)
            result.Append(c, 0);
        for (int i = 0; i < text.Length; i++)
            result.Append(text.Characters[i], i);
        return result.Build();
    }
}
