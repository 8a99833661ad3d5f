using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Data;

/// <summary>A question and its answer.</summary>
/// <param name="User">What is asked; <c>&lt;image&gt;</c> marks the place of an image.</param>
/// <param name="Assistant">What is to be answered.</param>
public sealed record Turn(string User, string Assistant)
{
    /// <summary>The turn as two messages.</summary>
    public List<ChatMessage> Messages() => [new("user", User), new("assistant", Assistant)];
}

/// <summary>One conversation of a data set as it is stored: text and images.</summary>
/// <param name="Origin">Where it comes from, for messages: file and line.</param>
/// <param name="Images">Its images, in order; none for text alone.</param>
/// <param name="Turns">Its turns, at least one.</param>
/// <param name="Kinds">The kind of each turn's question, for scores by kind; empty where the set does not say.</param>
public sealed record RawSample(string Origin, IReadOnlyList<StoredImage> Images, IReadOnlyList<Turn> Turns, IReadOnlyList<string> Kinds);
