namespace NanoVlm.Text.Decoders;

/// <summary>Turns tokens back into text; the texts it returns are read one after another.</summary>
internal abstract class Decoder
{
    public abstract IReadOnlyList<string> Apply(IReadOnlyList<string> tokens);

    public static Decoder Read(JsonPart part) => part.Kind switch
    {
        "ByteLevel" => new ByteLevel(),
        "Sequence" => Sequence.Read(part),
        var kind => throw part.Refuse($"the decoder \"{kind}\" is not supported; supported: ByteLevel, Sequence"),
    };
}
