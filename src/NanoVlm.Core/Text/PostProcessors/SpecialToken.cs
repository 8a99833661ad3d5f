namespace NanoVlm.Text.PostProcessors;

/// <summary>A special token that a post-processor puts in.</summary>
internal readonly record struct SpecialToken(string Content, int Id)
{
    /// <summary>Reads <c>["[SEP]", 102]</c>.</summary>
    public static SpecialToken Read(JsonPart part) => part.Items().ToArray() is [var content, var id] && id.Int() is >= 0 and var i
        ? new SpecialToken(content.String(), i) : throw part.Expected("[token, id]");

    public Encoding Encode(int typeId) => new([Id], [Content], new (int, int)[1]) { TypeIds = [typeId], SpecialTokensMask = [true] };
}
