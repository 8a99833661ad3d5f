namespace NanoVlm.Text.Normalizers;

/// <summary>Rewrites text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    public abstract AlignedText Apply(AlignedText text);

    public string Apply(string text) => Apply(new AlignedText(text, 0, text.Length)).Characters.ToString();

    public static Normalizer Read(JsonPart part) => part.Kind switch
    {
        "Sequence" => Sequence.Read(part),
        var kind => throw part.Refuse($"the normalizer \"{kind}\" is not supported; supported: Sequence"),
    };
}
