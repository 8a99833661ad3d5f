namespace NanoVlm.Text.PostProcessors;

/// <summary>Finishes one or two encoded sequences: special tokens around them, trimmed offsets.</summary>
internal abstract class PostProcessor
{
    public abstract IReadOnlyList<Encoding> Apply(IReadOnlyList<Encoding> sequences, bool addSpecialTokens);

    public static PostProcessor Read(JsonPart part) => part.Kind switch
    {
        "ByteLevel" => ByteLevel.Read(part),
        "BertProcessing" => BertProcessing.Read(part),
        "RobertaProcessing" => RobertaProcessing.Read(part),
        "TemplateProcessing" => TemplateProcessing.Read(part),
        "Sequence" => Sequence.Read(part),
        var kind => throw part.Refuse($"the post-processor \"{kind}\" is not supported; supported: BertProcessing, ByteLevel, RobertaProcessing, TemplateProcessing, Sequence"),
    };
}
