using NanoVlm.Text.PreTokenizers;

namespace NanoVlm.Text.Decoders;

/// <summary>Turns SentencePiece's visible spaces back; the first token loses those that the encoder put there.</summary>
internal sealed class Metaspace(char replacement, bool dropsFirst) : Decoder
{
    public static new Metaspace Read(JsonPart part) =>
        new(PreTokenizers.Metaspace.ReadReplacement(part), PreTokenizers.Metaspace.ReadScheme(part) != PrependScheme.Never);

    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens) =>
        [.. tokens.Select((token, i) => i == 0 && dropsFirst ? token.Replace($"{replacement}", "") : token.Replace(replacement, ' '))];
}
