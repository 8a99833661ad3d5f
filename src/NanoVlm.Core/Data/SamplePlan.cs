using NanoVlm.Images;

namespace NanoVlm.Data;

/// <summary>One conversation as a model takes it, but for its images, whose sizes alone were read: small enough to wait for its place in a batch.</summary>
/// <param name="Origin">Where it comes from, for messages.</param>
/// <param name="InputIds">Token ids, <c>[T]</c>.</param>
/// <param name="Labels">What each position has to predict, that is the next token where the assistant says it, else
/// <see cref="SampleBuilder.IgnoreLabel"/>, <c>[T]</c>.</param>
/// <param name="Images">Its images as they are stored.</param>
/// <param name="Grids">Rows and columns of each image's tiles.</param>
/// <param name="Tiles">How many tiles; each takes the place of the same number of image tokens.</param>
/// <param name="Layout">Where the turns are independent of each other: which of them each token belongs to.</param>
public sealed record SamplePlan(
    string Origin, int[] InputIds, int[] Labels, IReadOnlyList<StoredImage> Images, IReadOnlyList<(int Rows, int Columns)> Grids, int Tiles, SampleLayout? Layout = null)
{
    /// <summary>Turns left out because of their ratings, or because they did not fit beside the others where turns are independent.</summary>
    public int TurnsLeftOut { get; init; }

    /// <summary>Image tokens that stood in the text itself and were taken out.</summary>
    public int StrayImageTokens { get; init; }
}

/// <summary>One conversation as a model takes it.</summary>
/// <param name="Origin">Where it comes from, for messages.</param>
/// <param name="InputIds">Token ids, <c>[T]</c>.</param>
/// <param name="Labels">As <see cref="SamplePlan.Labels"/>.</param>
/// <param name="Pixels">The tiles of its images, <c>[Tiles, 3, S, S]</c>.</param>
/// <param name="Tiles">How many tiles; each takes the place of the same number of image tokens.</param>
/// <param name="Layout">Where the turns are independent of each other: which of them each token belongs to.</param>
public sealed record Sample(string Origin, int[] InputIds, int[] Labels, float[] Pixels, int Tiles, SampleLayout? Layout = null)
{
    /// <summary>Its images.</summary>
    public int Images { get; init; }

    /// <summary>Which of a mix's sources it is from.</summary>
    public int Source { get; init; }
}

/// <summary>How independent turns stand side by side after the images they share.</summary>
/// <param name="Positions">Where each token stands in its own turn, <c>[T]</c>.</param>
/// <param name="Documents">The turn it belongs to, from 1; 0: the shared beginning, <c>[T]</c>.</param>
public sealed record SampleLayout(int[] Positions, int[] Documents);

/// <summary>Why a sound sample is not trained on.</summary>
public enum DropReason
{
    /// <summary>It has more tokens than <c>data.max_tokens</c>.</summary>
    TooLong,

    /// <summary>It has more images than <c>data.max_images</c>.</summary>
    TooManyImages,

    /// <summary>Its images have more tiles than <c>data.max_tiles</c>.</summary>
    TooManyTiles,

    /// <summary>All its turns are rated below <c>data.minimum_ratings</c>, or it has none.</summary>
    LowRatings,

    /// <summary>None of its tokens has a label.</summary>
    NoLabels,
}

/// <summary>A sample is not trained on: it is sound, but beyond a limit.</summary>
/// <param name="reason">The limit.</param>
/// <param name="message">What was found and what was allowed.</param>
/// <param name="inner">The cause.</param>
internal sealed class DroppedSampleException(DropReason reason, string message, Exception? inner = null) : NanoVlmException(message, inner)
{
    /// <summary>The limit.</summary>
    public DropReason Reason { get; } = reason;
}

/// <summary>Limits on samples, and how their turns stand.</summary>
public sealed record SampleOptions
{
    /// <summary>The longest sample in tokens, image tokens included.</summary>
    public int MaxTokens { get; init; } = int.MaxValue;

    /// <summary>The most images of a sample.</summary>
    public int MaxImages { get; init; } = int.MaxValue;

    /// <summary>The most tiles of a sample's images together.</summary>
    public int MaxTiles { get; init; } = int.MaxValue;

    /// <summary>Turns rated lower in any measure are left out.</summary>
    public TurnRatings MinimumRatings { get; init; } = new();

    /// <summary>Whether the turns of a conversation do not see each other: each reads as if it were alone after the images, which are encoded once
    /// for all.</summary>
    public bool IndependentTurns { get; init; }
}
