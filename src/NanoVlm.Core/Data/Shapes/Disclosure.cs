using System.Runtime.InteropServices;

namespace NanoVlm.Data.Shapes;

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
