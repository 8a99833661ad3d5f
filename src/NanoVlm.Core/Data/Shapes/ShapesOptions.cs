namespace NanoVlm.Data.Shapes;

/// <summary>What to generate. Equal options give equal files, byte for byte.</summary>
public sealed record ShapesOptions
{
    /// <summary>The seed of everything drawn.</summary>
    public int Seed { get; init; }

    /// <summary>Images in the training split.</summary>
    public int Train { get; init; } = 20_000;

    /// <summary>Images in the validation split.</summary>
    public int Validation { get; init; } = 500;

    /// <summary>Images in the test split.</summary>
    public int Test { get; init; } = 1_000;

    /// <summary>Questions asked about each image, 1 to 16; they make one conversation.</summary>
    public int QuestionsPerImage { get; init; } = 8;
}
