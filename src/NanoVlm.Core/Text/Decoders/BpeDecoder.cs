namespace NanoVlm.Text.Decoders;

/// <summary>Turns the mark at the end of a word into a space, but for the last word.</summary>
internal sealed class BpeDecoder(string suffix) : Decoder
{
    public static new BpeDecoder Read(JsonPart part) =>
        new(part.Text("suffix") is var suffix && suffix != "" ? suffix ?? "</w>" : throw part.Refuse("\"suffix\" is empty"));

    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens) =>
        [.. tokens.Select((token, i) => token.Replace(suffix, i == tokens.Count - 1 ? "" : " ", StringComparison.Ordinal))];
}
