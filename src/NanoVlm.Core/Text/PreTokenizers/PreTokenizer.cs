namespace NanoVlm.Text.PreTokenizers;

/// <summary>Cuts text into the pieces that the model sees one at a time, and may rewrite it on the way.</summary>
internal abstract class PreTokenizer
{
    public abstract SplitText Apply(SplitText input);

    public static PreTokenizer Read(JsonPart part) => part.Kind switch
    {
        "ByteLevel" => ByteLevel.Read(part),
        "Digits" => Digits.Read(part),
        "Split" => Split.Read(part),
        "Sequence" => Sequence.Read(part),
        var kind => throw part.Refuse($"the pre-tokenizer \"{kind}\" is not supported; supported: ByteLevel, Digits, Split, Sequence"),
    };
}
