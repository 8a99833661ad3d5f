namespace NanoVlm.Text.Decoders;

/// <summary>Turns tokens back into text; the texts it returns are read one after another.</summary>
internal abstract class Decoder
{
    /// <summary>Whether what a byte token becomes depends on the byte tokens around it.</summary>
    public virtual bool JoinsBytes => false;

    public abstract IReadOnlyList<string> Apply(IReadOnlyList<string> tokens);

    public static Decoder Read(JsonPart part) => part.Kind switch
    {
        "ByteLevel" => new ByteLevel(),
        "BPEDecoder" => BpeDecoder.Read(part),
        "Metaspace" => Metaspace.Read(part),
        "WordPiece" => WordPiece.Read(part),
        "ByteFallback" => new ByteFallback(),
        "Fuse" => new Fuse(),
        "Replace" => Replace.Read(part),
        "Strip" => Strip.Read(part),
        "Sequence" => Sequence.Read(part),
        var kind => throw part.Refuse($"the decoder \"{kind}\" is not supported; supported: BPEDecoder, ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Strip, WordPiece, Sequence"),
    };
}
