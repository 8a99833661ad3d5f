namespace NanoVlm.Text.Normalizers;

/// <summary>Rewrites text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    public abstract AlignedText Apply(AlignedText text);

    public string Apply(string text) => Apply(new AlignedText(text, 0, text.Length)).Characters.ToString();

    public static Normalizer Read(JsonPart part) => part.Kind switch
    {
        "NFC" => new UnicodeNormalizer(compatibility: false, compose: true),
        "NFD" => new UnicodeNormalizer(compatibility: false, compose: false),
        "NFKC" => new UnicodeNormalizer(compatibility: true, compose: true),
        "NFKD" => new UnicodeNormalizer(compatibility: true, compose: false),
        "Lowercase" => new Lowercase(),
        "StripAccents" => new StripAccents(),
        "Strip" => Strip.Read(part),
        "BertNormalizer" => BertNormalizer.Read(part),
        "Nmt" => new Nmt(),
        "Precompiled" => Precompiled.Read(part),
        "Prepend" => Prepend.Read(part),
        "Replace" => Replace.Read(part),
        "Sequence" => Sequence.Read(part),
        var kind => throw part.Refuse(
            $"the normalizer \"{kind}\" is not supported; supported: BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Strip, StripAccents, Sequence"),
    };
}
