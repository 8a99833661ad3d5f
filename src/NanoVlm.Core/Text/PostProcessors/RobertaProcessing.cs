namespace NanoVlm.Text.PostProcessors;

/// <summary>RoBERTa's frame: <c>&lt;s&gt; A &lt;/s&gt;</c> or <c>&lt;s&gt; A &lt;/s&gt;&lt;/s&gt; B &lt;/s&gt;</c>, all of type 0; offsets trimmed as for byte-level tokens.</summary>
internal sealed class RobertaProcessing(SpecialToken start, SpecialToken separator, ByteLevel offsets) : PostProcessor
{
    public static new RobertaProcessing Read(JsonPart part) =>
        new(SpecialToken.Read(part.Get("cls")), SpecialToken.Read(part.Get("sep")), ByteLevel.Read(part));

    public override IReadOnlyList<Encoding> Apply(IReadOnlyList<Encoding> sequences, bool addSpecialTokens)
    {
        sequences = [.. offsets.Apply(sequences, addSpecialTokens).Select(sequence => sequence.WithTypeId(0))];
        return !addSpecialTokens ? sequences
            : [.. sequences.SelectMany((sequence, i) => new[] { (i == 0 ? start : separator).Encode(0), sequence, separator.Encode(0) })];
    }
}
