namespace NanoVlm.Text.Normalizers;

/// <summary>One normalizer after another.</summary>
internal sealed class Sequence(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public static new Sequence Read(JsonPart part) => new([.. part.Get("normalizers").Items().Select(Normalizer.Read)]);

    public override AlignedText Apply(AlignedText text) => steps.Aggregate(text, (t, step) => step.Apply(t));
}
