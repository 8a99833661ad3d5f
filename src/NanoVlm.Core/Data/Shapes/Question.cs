using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace NanoVlm.Data.Shapes;

/// <summary>What a question is about.</summary>
internal enum QuestionKind
{
    /// <summary>The colour of one object.</summary>
    Colour,
    /// <summary>The shape of one object.</summary>
    Shape,
    /// <summary>How many objects there are of a sort.</summary>
    Count,
    /// <summary>Whether there is an object of a sort.</summary>
    Existence,
    /// <summary>Whether one object lies to a given side of another.</summary>
    Relation,
}

/// <summary>Where one object lies as seen from another.</summary>
internal enum Direction
{
    /// <summary>Smaller x.</summary>
    LeftOf,
    /// <summary>Greater x.</summary>
    RightOf,
    /// <summary>Smaller y.</summary>
    Above,
    /// <summary>Greater y.</summary>
    Below,
}

/// <summary>A description that objects meet or not; what is null is left open.</summary>
/// <param name="Size">The size named.</param>
/// <param name="Colour">The colour named.</param>
/// <param name="Shape">The shape named.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Description(ObjectSize? Size, ObjectColour? Colour, ObjectShape? Shape)
{
    /// <summary>Whether the object is one of those described.</summary>
    public bool Matches(SceneObject item) =>
        (Size is null || Size == item.Size) && (Colour is null || Colour == item.Colour) && (Shape is null || Shape == item.Shape);

    /// <summary>How many objects of the scene are described.</summary>
    public int CountIn(Scene scene)
    {
        var count = 0;
        foreach (var item in scene.Objects)
            if (Matches(item))
                count++;
        return count;
    }

    /// <summary>Whether all that <paramref name="other"/> describes is described by this too.</summary>
    public bool Covers(Description other) =>
        (Size is null || Size == other.Size) && (Colour is null || Colour == other.Colour) && (Shape is null || Shape == other.Shape);

    /// <summary>Whether no object can meet both.</summary>
    public bool Excludes(Description other) =>
        (Size is not null && other.Size is not null && Size != other.Size)
        || (Colour is not null && other.Colour is not null && Colour != other.Colour)
        || (Shape is not null && other.Shape is not null && Shape != other.Shape);

    /// <summary>A number of its own below 128 for each description.</summary>
    internal int Code => ((int?)Size ?? 2) + 4 * ((int?)Colour ?? 6) + 32 * ((int?)Shape ?? 3);

    /// <summary>The description in words, such as "small red circle" or "object".</summary>
    public override string ToString() => string.Join(' ', new[] { Words(Size), Words(Colour), Words(Shape) ?? "object" }.OfType<string>());

    private static string? Words<T>(T? value) where T : struct, Enum => value?.ToString().ToLowerInvariant();
}

/// <summary>A question about a scene with its answer.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Phrasing">Which of the kind's wordings, 0 or 1.</param>
/// <param name="Subject">What it asks after.</param>
/// <param name="Other">A relation's second object; otherwise the default.</param>
/// <param name="Direction">A relation's direction; otherwise the default.</param>
/// <param name="Answer">The answer's index in <see cref="Answers"/>.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Question(QuestionKind Kind, int Phrasing, Description Subject, Description Other, Direction Direction, int Answer)
{
    private static readonly ImmutableArray<ImmutableArray<string>> AnswersOfKind =
        [["red", "green", "blue", "yellow", "purple", "orange"], ["circle", "square", "triangle"], ["0", "1", "2", "3", "4"], ["no", "yes"], ["no", "yes"]];

    /// <summary>What can be answered to a question of this kind.</summary>
    public static ImmutableArray<string> Answers(QuestionKind kind) => AnswersOfKind[(int)kind];

    /// <summary>The kind's name in files and reports.</summary>
    public static string Name(QuestionKind kind) => kind.ToString().ToLowerInvariant();

    /// <summary>The answer in words.</summary>
    public string AnswerText => Answers(Kind)[Answer];

    /// <summary>The question in words.</summary>
    public string Text => (Kind, Phrasing) switch
    {
        (QuestionKind.Colour, 0) => $"What colour is the {Subject}?",
        (QuestionKind.Colour, _) => $"What is the colour of the {Subject}?",
        (QuestionKind.Shape, 0) => $"What shape is the {Subject}?",
        (QuestionKind.Shape, _) => $"What is the shape of the {Subject}?",
        (QuestionKind.Count, 0) => $"How many {Subject}s are there?",
        (QuestionKind.Count, _) => $"How many {Subject}s are in the picture?",
        (QuestionKind.Existence, 0) => $"Is there {WithArticle(Subject)}?",
        (QuestionKind.Existence, _) => $"Is {WithArticle(Subject)} there?",
        _ => $"Is the {Subject} {Words(Direction)} the {Other}?",
    };

    /// <summary>How many wordings a kind has.</summary>
    internal static int Phrasings(QuestionKind kind) => kind == QuestionKind.Relation ? 1 : 2;

    /// <summary>The same number for two questions exactly when they have the same text.</summary>
    internal int TextCode => (((((int)Kind * 2 + Phrasing) * 128 + Subject.Code) * 128 + Other.Code) * 4) + (int)Direction;

    private static string WithArticle(Description subject)
    {
        var words = subject.ToString();
        return words[0] == 'o' ? $"an {words}" : $"a {words}";
    }

    private static string Words(Direction direction) => direction switch
    {
        Direction.LeftOf => "left of",
        Direction.RightOf => "right of",
        Direction.Above => "above",
        _ => "below",
    };
}
