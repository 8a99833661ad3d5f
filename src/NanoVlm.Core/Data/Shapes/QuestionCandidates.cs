using System.Runtime.InteropServices;

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

/// <summary>
/// What the turns of a conversation so far tell a reader who does not see the picture, so that no later question is asked
/// whose answer stands there already.
/// </summary>
internal sealed class Disclosure
{
    private readonly List<Fact> _facts = [];
    private readonly List<Question> _relations = [];

    /// <summary>Between Least and Most objects are as described.</summary>
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Fact(Description About, int Least, int Most);

    public void Clear()
    {
        _facts.Clear();
        _relations.Clear();
    }

    public void Add(Question question)
    {
        var subject = question.Subject;
        switch (question.Kind)
        {
            case QuestionKind.Colour:
                _facts.Add(new Fact(subject, 1, 1)); // "the circle": there is one
                _facts.Add(new Fact(subject with { Colour = (ObjectColour)question.Answer }, 1, 1));
                break;
            case QuestionKind.Shape:
                _facts.Add(new Fact(subject, 1, 1));
                _facts.Add(new Fact(subject with { Shape = (ObjectShape)question.Answer }, 1, 1));
                break;
            case QuestionKind.Count:
                _facts.Add(new Fact(subject, question.Answer, question.Answer));
                break;
            case QuestionKind.Existence:
                _facts.Add(question.Answer == 1 ? new Fact(subject, 1, int.MaxValue) : new Fact(subject, 0, 0));
                break;
            default:
                _facts.Add(new Fact(subject, 1, 1));
                _facts.Add(new Fact(question.Other, 1, 1));
                _relations.Add(question);
                break;
        }
    }

    public bool GivesAway(Question question)
    {
        var subject = question.Subject;
        switch (question.Kind)
        {
            case QuestionKind.Colour:
                return Any(fact => fact.Least > 0 && fact.About.Colour is not null && fact.About.Shape == subject.Shape && !fact.About.Excludes(subject));
            case QuestionKind.Shape:
                return Any(fact => fact.Least > 0 && fact.About.Shape is not null && fact.About.Colour == subject.Colour && !fact.About.Excludes(subject));
            case QuestionKind.Count:
                return Any(fact => fact.About == subject && fact.Least == fact.Most);
            case QuestionKind.Existence:
                return Any(fact => fact.Least > 0 && subject.Covers(fact.About))
                    || Any(fact => fact.Most == 0 && fact.About.Covers(subject))
                    || Any(fact => fact.Most == 1 && fact.About.Covers(subject)
                        && Any(one => one.Least > 0 && fact.About.Covers(one.About) && one.About.Excludes(subject)));
            default:
                foreach (var asked in _relations)
                    if (Horizontal(asked) == Horizontal(question)
                        && ((asked.Subject == subject && asked.Other == question.Other) || (asked.Subject == question.Other && asked.Other == subject)))
                        return true;
                return false;
        }
    }

    private static bool Horizontal(Question relation) => relation.Direction is Direction.LeftOf or Direction.RightOf;

    private bool Any(Predicate<Fact> holds) => _facts.Exists(holds);
}
