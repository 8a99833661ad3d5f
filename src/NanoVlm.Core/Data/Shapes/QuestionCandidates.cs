namespace NanoVlm.Data.Shapes;

/// <summary>All questions of a kind that can be asked about a scene, in one of the kind's wordings.</summary>
internal static class QuestionCandidates
{
    /// <summary>How far apart, in pixels, two centres must be before one is said to be left of or above the other.</summary>
    public const double Margin = 10;

    public static void List(Scene scene, QuestionKind kind, List<Question> into)
    {
        into.Clear();
        switch (kind)
        {
            case QuestionKind.Colour: OfOne(scene, (size, item) => new Description(size, null, item.Shape), kind, item => (int)item.Colour, into); break;
            case QuestionKind.Shape: OfOne(scene, (size, item) => new Description(size, item.Colour, null), kind, item => (int)item.Shape, into); break;
            case QuestionKind.Count: Counts(scene, into); break;
            case QuestionKind.Existence: Existences(scene, into); break;
            default: Relations(scene, into); break;
        }
    }

    private static void OfOne(Scene scene, Func<ObjectSize?, SceneObject, Description> describe, QuestionKind kind, Func<SceneObject, int> answer, List<Question> into)
    {
        foreach (var item in scene.Objects)
            foreach (var size in new ObjectSize?[] { null, item.Size })
                if (describe(size, item) is var subject && subject.CountIn(scene) == 1)
                    into.Add(new Question(kind, 0, subject, default, default, answer(item)));
    }

    private static void Counts(Scene scene, List<Question> into)
    {
        Add(default);
        foreach (var colour in Enum.GetValues<ObjectColour>())
            Add(new Description(null, colour, null));
        foreach (var shape in Enum.GetValues<ObjectShape>())
            Add(new Description(null, null, shape));

        void Add(Description subject) => into.Add(new Question(QuestionKind.Count, 0, subject, default, default, subject.CountIn(scene)));
    }

    // What is absent is asked after only where its parts are present in other combinations; with a single object, where it
    // differs from the object in one part.
    private static void Existences(Scene scene, List<Question> into)
    {
        foreach (var size in new ObjectSize?[] { null, ObjectSize.Small, ObjectSize.Large })
            foreach (var colour in Enum.GetValues<ObjectColour>())
                foreach (var shape in Enum.GetValues<ObjectShape>())
                {
                    var subject = new Description(size, colour, shape);
                    var present = subject.CountIn(scene) > 0;
                    var parts = (new Description(null, colour, null).CountIn(scene) > 0 ? 1 : 0) + (new Description(null, null, shape).CountIn(scene) > 0 ? 1 : 0);
                    if (present || parts == 2 || (parts == 1 && scene.Objects.Length == 1))
                        into.Add(new Question(QuestionKind.Existence, 0, subject, default, default, present ? 1 : 0));
                }
    }

    private static void Relations(Scene scene, List<Question> into)
    {
        foreach (var first in scene.Objects)
            foreach (var second in scene.Objects)
            {
                var (subject, other) = (new Description(null, first.Colour, first.Shape), new Description(null, second.Colour, second.Shape));
                if (ReferenceEquals(first, second) || subject.CountIn(scene) != 1 || other.CountIn(scene) != 1)
                    continue;
                Add(first.X - second.X, Direction.LeftOf, Direction.RightOf);
                Add(first.Y - second.Y, Direction.Above, Direction.Below);

                void Add(double difference, Direction negative, Direction positive)
                {
                    if (Math.Abs(difference) < Margin)
                        return;
                    into.Add(new Question(QuestionKind.Relation, 0, subject, other, negative, difference < 0 ? 1 : 0));
                    into.Add(new Question(QuestionKind.Relation, 0, subject, other, positive, difference < 0 ? 0 : 1));
                }
            }
    }
}
