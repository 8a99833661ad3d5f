namespace NanoVlm.Text;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c> or <c>assistant</c>.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>What is said, in parts: images and texts in their order. Where there are parts, <see cref="Content"/> does not count.</summary>
    public IReadOnlyList<ChatPart>? Parts { get; init; }
}

/// <summary>A part of a message.</summary>
/// <param name="Type">What it is: <c>text</c>, <c>image</c>.</param>
/// <param name="Text">The text, if it is one.</param>
public sealed record ChatPart(string Type, string? Text = null)
{
    /// <summary>An image: the template says how it is announced.</summary>
    public static ChatPart Image { get; } = new("image");

    /// <summary>A text.</summary>
    public static ChatPart OfText(string text) => new("text", text);
}

/// <summary>Where a message lies in a rendered conversation.</summary>
/// <param name="Message">Index of the message.</param>
/// <param name="Role">Its role.</param>
/// <param name="Start">Index (UTF-16) of the first character of its content; see <see cref="ChatTemplate"/> for the rule.</param>
/// <param name="End">Index after its end of turn, which is what a model has to produce after the content.</param>
public sealed record ChatSpan(int Message, string Role, int Start, int End);

/// <summary>A conversation as the text that a model sees.</summary>
/// <param name="Text">The text.</param>
/// <param name="Spans">The spans of the messages, in the order of the text. A message that cannot be told apart has none.</param>
public sealed record RenderedChat(string Text, IReadOnlyList<ChatSpan> Spans);

/// <summary>A conversation as token ids.</summary>
/// <param name="Ids">Token ids, <c>[T]</c>.</param>
/// <param name="AssistantMask">True for the tokens an assistant has to produce: content and end of turn, <c>[T]</c>.</param>
public sealed record EncodedChat(int[] Ids, bool[] AssistantMask)
{
    /// <summary>What each position has to predict: the next token where that is the assistant's, else
    /// <paramref name="ignore"/>, <c>[T]</c>.</summary>
    public int[] NextTokenLabels(int ignore = -100)
    {
        var labels = new int[Ids.Length];
        for (int i = 0; i < labels.Length; i++)
            labels[i] = i + 1 < labels.Length && AssistantMask[i + 1] ? Ids[i + 1] : ignore;
        return labels;
    }
}
