namespace NanoVlm.Text.PostProcessors;

/// <summary>BERT's frame: <c>[CLS] A [SEP]</c> or <c>[CLS] A [SEP] B [SEP]</c>, where B and its end are of type 1.</summary>
internal sealed class BertProcessing(SpecialToken start, SpecialToken separator) : PostProcessor
{
    public static new BertProcessing Read(JsonPart part) => new(SpecialToken.Read(part.Get("cls")), SpecialToken.Read(part.Get("sep")));

    public override IReadOnlyList<Encoding> Apply(IReadOnlyList<Encoding> sequences, bool addSpecialTokens) => !addSpecialTokens ? sequences
        : [start.Encode(0), .. sequences.SelectMany((sequence, i) => new[] { sequence.WithTypeId(i), separator.Encode(i) })];
}
