using NanoVlm.Data;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Running;

/// <summary>A figure of two results.</summary>
/// <param name="Name">The figure's name.</param>
/// <param name="A">Its value in the first.</param>
/// <param name="B">Its value in the second.</param>
/// <param name="Low">Where the 95 % interval of the difference begins.</param>
/// <param name="High">Where it ends.</param>
/// <param name="P">The two-sided p value: how often the resampled difference is not of its sign.</param>
/// <param name="Scale">The most the figure can be.</param>
public sealed record FigureDifference(string Name, double A, double B, double Low, double High, double P, double Scale)
{
    /// <summary>B - A.</summary>
    public double Difference => B - A;
}

/// <summary>An item that is answered better or worse.</summary>
/// <param name="Id">The item's.</param>
/// <param name="Expected">The right answer.</param>
/// <param name="A">The first answer, or its error.</param>
/// <param name="B">The second.</param>
public sealed record ItemDifference(string Id, string Expected, string A, string B);

/// <summary>A benchmark of two results.</summary>
/// <param name="Task">Its name.</param>
/// <param name="Items">How many items.</param>
/// <param name="Figures">Its figures, the headline first.</param>
/// <param name="Better">Items whose score rose from A to B: of exact matches, wrong to right.</param>
/// <param name="Worse">Items whose score fell.</param>
/// <param name="OtherAnswers">Items of equal score whose answers are not the same text.</param>
public sealed record Comparison(
    string Task, int Items, IReadOnlyList<FigureDifference> Figures, IReadOnlyList<ItemDifference> Better, IReadOnlyList<ItemDifference> Worse, int OtherAnswers)
{
    /// <summary>
    /// Compares two results of the same items, by a paired bootstrap (Efron and Tibshirani, 1993, chapter 16): items, or groups of items that are judged together,
    /// are drawn with replacement, the same for both, and the figures taken of them.
    /// </summary>
    /// <param name="a">The first.</param>
    /// <param name="b">The second.</param>
    /// <param name="resamples">How often to draw.</param>
    /// <param name="seed">Where the draws begin.</param>
    /// <returns>The benchmarks that both have, in the first's order.</returns>
    /// <exception cref="NanoVlmException">They have no benchmark in common, or one whose items are not the same.</exception>
    public static IReadOnlyList<Comparison> Of(EvaluationResult a, EvaluationResult b, int resamples = 10_000, int seed = 0)
    {
        var common = a.Tasks.Where(task => b.Of(task.Task) is not null).ToArray();
        if (common.Length == 0)
            throw new NanoVlmException($"The results have no benchmark in common: A has {string.Join(", ", a.Tasks.Select(task => task.Task))}, B has {string.Join(", ", b.Tasks.Select(task => task.Task))}.");
        return [.. common.Select(task => Of(task, b.Of(task.Task)!, RulesOf(a), RulesOf(b), resamples, seed))];

        static Rules RulesOf(EvaluationResult result) => Rules.All.FirstOrDefault(rules => rules.Name == result.Rules) ?? throw new NanoVlmException($"The result is scored by rules '{result.Rules}', which this version does not know.");
    }

    private static Comparison Of(TaskResult a, TaskResult b, Rules rulesA, Rules rulesB, int resamples, int seed)
    {
        RequireSame(a, b);
        var task = EvalTasks.Find(a.Task) ?? throw new NanoVlmException($"The results have a benchmark '{a.Task}', which this version does not know.");
        var pairs = a.Items.Zip(b.Items).ToArray();
        return new Comparison(
            a.Task, pairs.Length, Differences(task, a, b, rulesA, rulesB, resamples, seed),
            [.. pairs.Where(pair => pair.Second.Score > pair.First.Score).Select(Different)], [.. pairs.Where(pair => pair.Second.Score < pair.First.Score).Select(Different)],
            pairs.Count(pair => pair.First.Score == pair.Second.Score && pair.First.Answer != pair.Second.Answer));

        static ItemDifference Different((ItemResult A, ItemResult B) pair) =>
            new(pair.A.Id, string.Join(" or ", pair.A.Reference.Answers.Distinct()), pair.A.Error ?? pair.A.Answer, pair.B.Error ?? pair.B.Answer);
    }

    private static FigureDifference[] Differences(EvalTask task, TaskResult a, TaskResult b, Rules rulesA, Rules rulesB, int resamples, int seed)
    {
        ScoredItem[] itemsA = [.. a.Items.Select(item => item.Scored())], itemsB = [.. b.Items.Select(item => item.Scored())];
        var clusters = Enumerable.Range(0, itemsA.Length).GroupBy(i => itemsA[i].Reference.Group is { Length: > 0 } group ? (group, 0) : ("", i + 1)).Select(group => group.ToArray()).ToArray();
        var names = a.Figures.Where(figure => b.Figures.Any(other => other.Name == figure.Name)).ToArray();
        var differences = names.Select(_ => new double[resamples]).ToArray();
        Parallel.For(0, resamples, () => (A: new List<ScoredItem>(itemsA.Length), B: new List<ScoredItem>(itemsB.Length)), (resample, _, drawn) =>
        {
            drawn.A.Clear();
            drawn.B.Clear();
            var random = new RandomStream(seed, resample);
            for (var i = 0; i < clusters.Length; i++)
                foreach (var item in clusters[random.Below(clusters.Length)])
                {
                    drawn.A.Add(itemsA[item]);
                    drawn.B.Add(itemsB[item]);
                }
            var (figuresA, figuresB) = (task.Summarize(drawn.A, rulesA), task.Summarize(drawn.B, rulesB));
            for (var figure = 0; figure < names.Length; figure++)
                differences[figure][resample] = ValueOf(figuresB, names[figure].Name) - ValueOf(figuresA, names[figure].Name);
            return drawn;
        }, _ => { });
        return [.. names.Select((figure, i) => Of(figure, b.Figures.First(other => other.Name == figure.Name), differences[i]))];

        // A category that no drawn item is of has no figure: it says nothing of the difference.
        static double ValueOf(IReadOnlyList<Figure> figures, string name)
        {
            foreach (var figure in figures)
                if (figure.Name == name) return figure.Value;
            return 0;
        }
    }

    private static FigureDifference Of(Figure a, Figure b, double[] drawn)
    {
        Array.Sort(drawn);
        var (below, above) = (drawn.Count(difference => difference <= 0), drawn.Count(difference => difference >= 0));
        var p = Math.Min(1, 2.0 * (Math.Min(below, above) + 1) / (drawn.Length + 1));
        return new FigureDifference(a.Name, a.Value, b.Value, Quantile(0.025), Quantile(0.975), p, a.Scale);

        double Quantile(double share) => drawn[Math.Clamp((int)Math.Round(share * (drawn.Length - 1)), 0, drawn.Length - 1)];
    }

    private static void RequireSame(TaskResult a, TaskResult b)
    {
        if (a.Items.Count != b.Items.Count) throw Different($"A has {a.Items.Count:N0} items, B {b.Items.Count:N0}");
        for (var i = 0; i < a.Items.Count; i++)
        {
            var (one, other) = (a.Items[i], b.Items[i]);
            if (one.Id != other.Id) throw Different($"item {i} is {one.Id} in A, {other.Id} in B");
            if (!one.Reference.Answers.SequenceEqual(other.Reference.Answers)) throw Different($"item {one.Id} has other right answers in A than in B");
        }

        NanoVlmException Different(string how) => new($"{a.Task}: the results are not of the same items: {how}. Evaluate both models on the same data, with the same --split and --limit.");
    }
}
