using System.Diagnostics;
using NanoVlm.Data;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Evaluation.Towers;

namespace NanoVlm.Evaluation.Running;

/// <summary>A figure of two results.</summary>
/// <param name="Name">The figure's name.</param>
/// <param name="A">Its value in the first.</param>
/// <param name="B">Its value in the second.</param>
/// <param name="Low">Where the 95 % interval of the difference begins; null: the figure is not drawn again, since that takes too long.</param>
/// <param name="High">Where it ends.</param>
/// <param name="P">The two-sided p value: how often chance alone would give a difference as far from none.</param>
/// <param name="Scale">The most the figure can be.</param>
public sealed record FigureDifference(string Name, double A, double B, double? Low, double? High, double? P, double Scale)
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
    private static readonly TimeSpan MostTime = TimeSpan.FromMinutes(5);

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
        var task = TowerTasks.Names.Contains(a.Task) ? null : Benchmarks.Named(a.Task);
        var pairs = a.Items.Zip(b.Items).ToArray();
        return new Comparison(
            a.Task, pairs.Length, Differences(task, a, b, rulesA, rulesB, resamples, seed),
            [.. pairs.Where(pair => pair.Second.Score > pair.First.Score).Select(Different)], [.. pairs.Where(pair => pair.Second.Score < pair.First.Score).Select(Different)],
            pairs.Count(pair => pair.First.Score == pair.Second.Score && pair.First.Answer != pair.Second.Answer));

        static ItemDifference Different((ItemResult A, ItemResult B) pair) =>
            new(pair.A.Id, string.Join(" or ", pair.A.Reference.Answers.Distinct()), pair.A.Error ?? pair.A.Answer, pair.B.Error ?? pair.B.Answer);
    }

    private static FigureDifference[] Differences(EvalTask? task, TaskResult a, TaskResult b, Rules rulesA, Rules rulesB, int resamples, int seed)
    {
        ScoredItem[] itemsA = [.. a.Items.Select(item => item.Scored())], itemsB = [.. b.Items.Select(item => item.Scored())];
        var figures = a.Figures.SelectMany(one => b.Figures.Where(other => other.Name == one.Name).Take(1).Select(other => (A: one, B: other))).ToArray();
        var differences = new FigureDifference[figures.Length];
        var others = new List<int>();
        for (var i = 0; i < figures.Length; i++)
        {
            var (one, other) = figures[i];
            differences[i] = new FigureDifference(one.Name, one.Value, other.Value, null, null, null, one.Scale);
            if (ItemsOfMean(one, other, itemsA, itemsB) is { } of)
            {
                var drawn = PairedBootstrap.Of([.. of.Select(item => (itemsA[item].Reference.Group, one.Scale * itemsA[item].Score, one.Scale * itemsB[item].Score))], resamples, seed);
                differences[i] = differences[i] with { Low = drawn.Low, High = drawn.High, P = drawn.PValue };
            }
            else
            {
                others.Add(i);
            }
        }
        if (others.Count == 0 || task is null || !IsQuick(task, itemsA, rulesA, resamples)) return differences;
        var draws = Draw(task, itemsA, itemsB, rulesA, rulesB, [.. others.Select(i => figures[i].A.Name)], resamples, seed);
        foreach (var (number, i) in others.Index()) differences[i] = With(differences[i], draws[number]);
        return differences;
    }

    // The items whose mean score a figure is; null: it is another kind of figure.
    private static int[]? ItemsOfMean(Figure a, Figure b, ScoredItem[] itemsA, ScoredItem[] itemsB)
    {
        Func<Reference, bool>[] subsets = [_ => true, reference => reference.Category == a.Name, reference => reference.Subcategory == a.Name];
        foreach (var isOf in subsets)
        {
            int[] items = [.. Enumerable.Range(0, itemsA.Length).Where(i => isOf(itemsA[i].Reference))];
            if (items.Length > 0 && IsMean(a, itemsA, items) && IsMean(b, itemsB, items)) return items;
        }
        return null;

        static bool IsMean(Figure figure, ScoredItem[] scored, int[] items) =>
            figure.Count == items.Length && Math.Abs(figure.Value - figure.Scale * items.Average(item => scored[item].Score)) < 1e-9 * Math.Max(1, figure.Scale);
    }

    // Captions are held against each other anew in every draw: that would take hours.
    private static bool IsQuick(EvalTask task, ScoredItem[] items, Rules rules, int resamples)
    {
        var watch = Stopwatch.StartNew();
        task.Summarize(items, rules);
        return watch.Elapsed * 2 * resamples / Environment.ProcessorCount < MostTime;
    }

    // Any figure: taken of drawn items as of all.
    private static double[][] Draw(EvalTask task, ScoredItem[] itemsA, ScoredItem[] itemsB, Rules rulesA, Rules rulesB, string[] names, int resamples, int seed)
    {
        var groups = Enumerable.Range(0, itemsA.Length).GroupBy(i => itemsA[i].Reference.Group is { Length: > 0 } group ? (group, 0) : ("", i + 1)).Select(group => group.ToArray()).ToArray();
        var differences = names.Select(_ => new double[resamples]).ToArray();
        Parallel.For(0, resamples, resample =>
        {
            var random = new RandomStream(seed, resample);
            var (drawnA, drawnB) = (new List<ScoredItem>(itemsA.Length), new List<ScoredItem>(itemsB.Length));
            for (var i = 0; i < groups.Length; i++)
                foreach (var item in groups[random.Below(groups.Length)])
                {
                    drawnA.Add(Own(itemsA[item], i));
                    drawnB.Add(Own(itemsB[item], i));
                }
            var (figuresA, figuresB) = (task.Summarize(drawnA, rulesA), task.Summarize(drawnB, rulesB));
            for (var figure = 0; figure < names.Length; figure++) differences[figure][resample] = ValueOf(figuresB, names[figure]) - ValueOf(figuresA, names[figure]);
        });
        return differences;

        // A group that is drawn twice is two groups.
        static ScoredItem Own(ScoredItem item, int draw) => item.Reference.Group.Length == 0 ? item : item with { Reference = item.Reference with { Group = $"{draw}/{item.Reference.Group}" } };

        // A category that no drawn item is of has no figure: it says nothing of the difference.
        static double ValueOf(IReadOnlyList<Figure> figures, string name) => figures.FirstOrDefault(figure => figure.Name == name)?.Value ?? 0;
    }

    private static FigureDifference With(FigureDifference figure, double[] drawn)
    {
        Array.Sort(drawn);
        var fewer = Math.Min(drawn.Count(difference => difference <= 0), drawn.Count(difference => difference >= 0));
        return figure with { Low = Interval.Quantile(drawn, 0.025), High = Interval.Quantile(drawn, 0.975), P = Math.Min(1, 2.0 * (fewer + 1) / (drawn.Length + 1)) };
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
