using System.Collections.Immutable;

namespace NanoVlm.Data.Shapes;

/// <summary>One image to be: what it shows and what is asked about it.</summary>
/// <param name="Scene">The scene.</param>
/// <param name="Questions">The conversation, in order.</param>
internal sealed record PlannedImage(Scene Scene, ImmutableArray<Question> Questions);

/// <summary>All scenes and questions of a data set, drawn before anything is rendered. No scene is in it twice.</summary>
/// <param name="Train">The training split.</param>
/// <param name="Validation">The validation split.</param>
/// <param name="Test">The test split.</param>
internal sealed record ShapesPlan(ImmutableArray<PlannedImage> Train, ImmutableArray<PlannedImage> Validation, ImmutableArray<PlannedImage> Test)
{
    /// <summary>Draws the plan. The test split is drawn first, so it does not depend on the size of the others.</summary>
    /// <param name="options">What to draw.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NanoVlmException">The options cannot be met.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ShapesPlan Draw(ShapesOptions options, CancellationToken cancellationToken = default)
    {
        if (options.QuestionsPerImage is < 1 or > 16)
            throw new NanoVlmException($"shapes: {options.QuestionsPerImage} questions per image asked for; 1 to 16 are possible.");
        if (options.Train < 0 || options.Validation < 0 || options.Test < 0)
            throw new NanoVlmException($"shapes: the splits have {options.Train}, {options.Validation} and {options.Test} images; none can be negative.");
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var test = Split(options, 2, options.Test, taken, cancellationToken);
        var validation = Split(options, 1, options.Validation, taken, cancellationToken);
        var train = Split(options, 0, options.Train, taken, cancellationToken);
        return new ShapesPlan(train, validation, test);
    }

    private static ImmutableArray<PlannedImage> Split(ShapesOptions options, int split, int count, HashSet<string> taken, CancellationToken cancellationToken)
    {
        var interviewer = new Interviewer();
        var images = ImmutableArray.CreateBuilder<PlannedImage>(count);
        var questions = new Question[options.QuestionsPerImage];
        for (var index = 0; index < count; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var random = new RandomStream(options.Seed, split, index);
            Scene scene;
            do
                scene = Scene.Draw(ref random);
            while (taken.Contains(scene.Key()) || !interviewer.TryAsk(scene, ref random, questions));
            taken.Add(scene.Key());
            images.Add(new PlannedImage(scene, [.. questions]));
        }
        return images.MoveToImmutable();
    }
}
