namespace NanoVlm.Text.Normalizers;

/// <summary>Takes white space off the ends.</summary>
internal sealed class Strip(bool left, bool right) : Normalizer
{
    public static new Strip Read(JsonPart part) => new(part.Bool("strip_left", true), part.Bool("strip_right", true));

    public override AlignedText Apply(AlignedText text)
    {
        var characters = text.Characters;
        int start = left ? characters.Length - characters.TrimStart().Length : 0;
        int end = right ? Math.Max(start, characters.TrimEnd().Length) : characters.Length;
        var result = new AlignedText.Builder(text, end - start);
        for (int i = start; i < end; i++)
            result.Append(characters[i], i);
        return result.Build();
    }
}
