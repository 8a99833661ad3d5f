using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Data;

/// <summary>A question and its answer.</summary>
/// <param name="User">What is asked; <c>&lt;image&gt;</c> marks the place of an image.</param>
/// <param name="Assistant">What is to be answered.</param>
public sealed record Turn(string User, string Assistant)
{
    /// <summary>What the set says of its quality, or null.</summary>
    public TurnRatings? Ratings { get; init; }

    /// <summary>The turn as two messages.</summary>
    public List<ChatMessage> Messages() => [new("user", User), new("assistant", Assistant)];
}

/// <summary>What judges say of a turn, as FineVision has it: from 1, bad, to 5; null where they say nothing.</summary>
/// <param name="Relevance">Whether the answer is to the question (<c>relevance_ratings</c>).</param>
/// <param name="ImageCorrespondence">Whether it is true of the image (<c>image_correspondence_ratings</c>).</param>
/// <param name="VisualDependency">Whether it takes the image to answer (<c>visual_dependency_ratings</c>).</param>
/// <param name="Formatting">Whether it is well written (<c>formatting_ratings</c>).</param>
public sealed record TurnRatings(int? Relevance = null, int? ImageCorrespondence = null, int? VisualDependency = null, int? Formatting = null);

/// <summary>One conversation of a data set as it is stored: text and images.</summary>
/// <param name="Origin">Where it comes from, for messages: file and line.</param>
/// <param name="Images">Its images, in order; none for text alone.</param>
/// <param name="Turns">Its turns, at least one.</param>
/// <param name="Kinds">The kind of each turn's question, for scores by kind; empty where the set does not say.</param>
public sealed record RawSample(string Origin, IReadOnlyList<StoredImage> Images, IReadOnlyList<Turn> Turns, IReadOnlyList<string> Kinds);
