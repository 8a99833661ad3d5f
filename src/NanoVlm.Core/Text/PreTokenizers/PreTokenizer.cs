using System.Text;

namespace NanoVlm.Text.PreTokenizers;

/// <summary>Cuts text into the pieces that the model sees one at a time, and may rewrite it on the way.</summary>
internal abstract class PreTokenizer
{
    public abstract SplitText Apply(SplitText input);

    public static PreTokenizer Read(JsonPart part) => part.Kind switch
    {
        "BertPreTokenizer" => new Sequence([
            new CharacterSplit(Rune.IsWhiteSpace, SplitBehavior.Removed), new CharacterSplit(UnicodeClasses.IsPunctuation, SplitBehavior.Isolated)]),
        "ByteLevel" => ByteLevel.Read(part),
        "CharDelimiterSplit" => part.Get("delimiter") is var d && d.String().EnumerateRunes().ToArray() is [var delimiter]
            ? new CharacterSplit(rune => rune == delimiter, SplitBehavior.Removed) : throw d.Expected("one character"),
        "Digits" => new CharacterSplit(UnicodeClasses.IsNumber, part.Bool("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "Metaspace" => Metaspace.Read(part),
        "Punctuation" => new CharacterSplit(UnicodeClasses.IsPunctuation, part.Find("behavior") is { } behavior ? Splitting.ReadBehavior(behavior) : SplitBehavior.Isolated),
        "Sequence" => Sequence.Read(part),
        "Split" => Split.Read(part),
        "Whitespace" => new Whitespace(),
        "WhitespaceSplit" => new CharacterSplit(Rune.IsWhiteSpace, SplitBehavior.Removed),
        var kind => throw part.Refuse($"the pre-tokenizer \"{kind}\" is not supported; supported: BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, "
            + "Metaspace, Punctuation, Split, Whitespace, WhitespaceSplit, Sequence"),
    };
}
