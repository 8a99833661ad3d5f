namespace NanoVlm.Text.PostProcessors;

/// <summary>One post-processor after another.</summary>
internal sealed class Sequence(IReadOnlyList<PostProcessor> steps) : PostProcessor
{
    public static new Sequence Read(JsonPart part) => new([.. part.Get("processors").Items().Select(PostProcessor.Read)]);

    public override IReadOnlyList<Encoding> Apply(IReadOnlyList<Encoding> sequences, bool addSpecialTokens) =>
        steps.Aggregate(sequences, (s, step) => step.Apply(s, addSpecialTokens));
}
