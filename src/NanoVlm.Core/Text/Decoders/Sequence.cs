namespace NanoVlm.Text.Decoders;

/// <summary>One decoder after another.</summary>
internal sealed class Sequence(IReadOnlyList<Decoder> steps) : Decoder
{
    public static new Sequence Read(JsonPart part) => new([.. part.Get("decoders").Items().Select(Decoder.Read)]);

    public override bool JoinsBytes => steps.Any(step => step.JoinsBytes);

    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens) =>
        steps.Aggregate(tokens, (t, step) => step.Apply(t));
}
