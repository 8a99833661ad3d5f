namespace NanoVlm.Data.Shapes;

/// <summary>
/// Chooses the questions of a split, scene by scene, so that the kinds are equally frequent and every text has its answers
/// equally often: who has read all the texts but sees no picture can only guess. It keeps count, so scenes are to be
/// handed to it in order.
/// </summary>
internal sealed class Interviewer
{
    // How far an answer may run ahead of the rarest answer to the same text, in units of its share.
    private const double CountLead = 2, OtherLead = 1;
    private const int YesLead = 10;

    // How far a kind may fall behind before it is asked for although earlier turns give its answer away.
    private const int KindLag = 25;

    private static readonly QuestionKind[] Kinds = Enum.GetValues<QuestionKind>();

    // Relations name colours and shapes, so they do less harm late; otherwise the order is random.
    private static readonly double[] Lateness = [0, 0, 0, 0.3, 0.6];

    private readonly Dictionary<int, int[]> _answers = [];
    private readonly int[] _asked = new int[Kinds.Length];
    private readonly int[] _yesLead = new int[Kinds.Length]; // answers "yes" less answers "no"
    private readonly List<Question>[] _candidates = [.. Kinds.Select(_ => new List<Question>())];
    private readonly List<Question> _admissible = [];
    private readonly List<Question> _chosen = [];
    private readonly Disclosure _disclosed = new();

    /// <summary>Chooses questions about a scene; false where it does not offer enough, and then nothing is counted.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="random">The scene's own stream.</param>
    /// <param name="questions">Receives them; its length says how many.</param>
    public bool TryAsk(Scene scene, ref RandomStream random, Span<Question> questions)
    {
        _disclosed.Clear();
        _chosen.Clear();
        foreach (var kind in Kinds)
            QuestionCandidates.List(scene, kind, _candidates[(int)kind]);
        var most = questions.Length / Kinds.Length + 2;
        foreach (var kind in Agenda(ref random, questions.Length, most))
        {
            var order = Order(ref random, kind);
            // Small scenes run out of questions whose answers earlier turns do not give away.
            if (!TryNext(order, most, ref random, false, out var next)
                && !TryNext(order, most, ref random, true, out next)
                && !TryNext(order, int.MaxValue, ref random, true, out next))
                return Undo();
            _chosen.Add(next);
            _disclosed.Add(next);
            Enter(next, 1);
        }
        _chosen.CopyTo(questions);
        return true;
    }

    private bool Undo()
    {
        foreach (var question in _chosen)
            Enter(question, -1);
        return false;
    }

    private void Enter(Question question, int times)
    {
        _asked[(int)question.Kind] += times;
        Counts(question)[question.Answer] += times;
        if (question.Kind >= QuestionKind.Existence)
            _yesLead[(int)question.Kind] += question.Answer == 1 ? times : -times;
    }

    // The kinds to ask, those asked least so far first to come in, none much more often than the others.
    private QuestionKind[] Agenda(ref RandomStream random, int length, int most)
    {
        var asked = (int[])_asked.Clone();
        var left = new int[Kinds.Length];
        Array.Fill(left, most);
        var agenda = new QuestionKind[length];
        var keys = new double[length];
        for (var slot = 0; slot < length; slot++)
        {
            var least = -1;
            foreach (var kind in Shuffled(ref random))
                if (left[(int)kind] > 0 && _candidates[(int)kind].Count > 0 && (least < 0 || asked[(int)kind] < asked[least]))
                    least = (int)kind;
            if (least < 0)
                least = (int)QuestionKind.Count;
            asked[least]++;
            left[least]--;
            agenda[slot] = (QuestionKind)least;
            keys[slot] = random.Unit() + Lateness[least];
        }
        Array.Sort(keys, agenda);
        return agenda;
    }

    // The wanted kind, then the others, those asked least first.
    private QuestionKind[] Order(ref RandomStream random, QuestionKind wanted) =>
        [.. Shuffled(ref random).OrderBy(kind => kind == wanted ? -1 : _asked[(int)kind])];

    private static QuestionKind[] Shuffled(ref RandomStream random)
    {
        var kinds = (QuestionKind[])Kinds.Clone();
        random.Shuffle(kinds.AsSpan());
        return kinds;
    }

    private bool TryNext(QuestionKind[] order, int most, ref RandomStream random, bool evenIfGivenAway, out Question next)
    {
        foreach (var kind in order)
        {
            if (_chosen.Count(asked => asked.Kind == kind) >= most)
                continue;
            var phrasing = random.Below(Question.Phrasings(kind));
            if (!Collect(kind, phrasing, evenIfGivenAway)
                && !(kind == order[0] && _asked[(int)kind] < _asked.Max() - KindLag && Collect(kind, phrasing, true)))
                continue;
            next = Pick(ref random);
            return true;
        }
        next = default;
        return false;
    }

    // Gathers what may be asked now.
    private bool Collect(QuestionKind kind, int phrasing, bool evenIfGivenAway)
    {
        _admissible.Clear();
        foreach (var candidate in _candidates[(int)kind])
        {
            var question = candidate with { Phrasing = phrasing };
            if (!(evenIfGivenAway ? WasAsked(question) : _disclosed.GivesAway(question)) && IsWanted(question))
                _admissible.Add(question);
        }
        return _admissible.Count > 0;
    }

    private bool WasAsked(Question question)
    {
        foreach (var asked in _chosen)
            if ((asked with { Phrasing = question.Phrasing }).TextCode == question.TextCode)
                return true;
        return false;
    }

    // First the form (which of size, colour and shape the text names, and for yes or no the answer), so that forms with
    // many candidates do not crowd out the others; then one question of the form.
    private Question Pick(ref RandomStream random)
    {
        Span<double> weights = stackalloc double[16];
        weights.Clear();
        foreach (var question in _admissible)
            weights[Form(question)] = question.Kind != QuestionKind.Count && question.Subject.Size is not null ? 0.5 : 1;
        var form = random.Choose(weights);
        var left = random.Below(_admissible.Count(question => Form(question) == form));
        foreach (var question in _admissible)
            if (Form(question) == form && left-- == 0)
                return question;
        throw new InvalidOperationException("a form without a question was chosen");
    }

    private static int Form(Question question) =>
        (question.Subject.Size is null ? 1 : 0) + (question.Subject.Colour is null ? 2 : 0) + (question.Subject.Shape is null ? 4 : 0)
        + (question.Kind >= QuestionKind.Existence && question.Answer == 1 ? 8 : 0);

    private bool IsWanted(Question question) => question.Kind == QuestionKind.Count
        ? AheadBy(question) <= CountLead
        : AheadBy(question) <= OtherLead && Math.Abs(_yesLead[(int)question.Kind] + (question.Answer == 1 ? 1 : -1)) <= YesLead;

    // Answers already given to the same text, in units of the answer's share, over those of the rarest answer.
    private double AheadBy(Question question)
    {
        var counts = Counts(question);
        var rarest = double.MaxValue;
        for (var answer = 0; answer < counts.Length; answer++)
            if (Share(question, answer) is > 0 and var share)
                rarest = Math.Min(rarest, counts[answer] / share);
        return counts[question.Answer] / Share(question, question.Answer) - rarest;
    }

    // Four of one colour or shape leave little else to ask about, so that answer gets half a share. No picture is empty.
    private static double Share(Question question, int answer) => question.Kind != QuestionKind.Count ? 1
        : question.Subject == default ? (answer == 0 ? 0 : 1)
        : answer == 4 ? 0.5 : 1;

    private int[] Counts(Question question)
    {
        if (!_answers.TryGetValue(question.TextCode, out var counts))
            _answers.Add(question.TextCode, counts = new int[Question.Answers(question.Kind).Length]);
        return counts;
    }
}
