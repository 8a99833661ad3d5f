namespace NanoVlm.Text.Decoders;

/// <summary>Joins all tokens to one.</summary>
internal sealed class Fuse : Decoder
{
    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens) => [string.Concat(tokens)];
}
