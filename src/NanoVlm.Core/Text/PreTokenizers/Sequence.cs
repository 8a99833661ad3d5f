namespace NanoVlm.Text.PreTokenizers;

/// <summary>One pre-tokenizer after another.</summary>
internal sealed class Sequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public static new Sequence Read(JsonPart part) => new([.. part.Get("pretokenizers").Items().Select(PreTokenizer.Read)]);

    public override SplitText Apply(SplitText input) => steps.Aggregate(input, (text, step) => step.Apply(text.Written()));
}
