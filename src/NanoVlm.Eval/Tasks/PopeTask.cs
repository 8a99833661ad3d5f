using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>POPE: whether an object is in a picture; those that are not were chosen at random, among frequent ones, or among those that go with what is there
/// (Li et al. 2023, https://arxiv.org/abs/2305.10355).</summary>
internal sealed class PopeTask : Benchmark
{
    /// <inheritdoc/>
    public override string Name => "pope";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("lmms-lab/POPE", "", "test", 9000);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
    [
        new("id", TableKind.Label), new("question", TableKind.Text), new("answer", TableKind.Text), new("image", TableKind.Image), new("category", TableKind.Text),
    ];

    /// <inheritdoc/>
    protected override string? Id(TableRow row) => row.Label("id");

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format) =>
        (format.Write(row.Text("question")), Image(row), new Reference { Answers = [row.Text("answer")], Category = row.Text("category") });

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) =>
        new(id, reference, answer, Pope.Score(answer, reference.Answers[0], rules), Pope.Parse(answer, rules));

    /// <summary>Accuracy, or by VLMEvalKit's rules F1, first; then the other figures; then accuracy and F1 of each way of choosing.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules)
    {
        var all = Of(items, rules);
        Figure accuracy = Figures.Mean("accuracy", items), f1 = F1("f1", items);
        return
        [
            .. rules.Harness == Harness.VlmEvalKit ? [f1, accuracy] : (Figure[])[accuracy, f1],
            Share("precision", all.Precision, items.Count(item => item.Extracted == "yes")),
            Share("recall", all.Recall, items.Count(IsYes)),
            Share("yes ratio", all.YesRatio, items.Count(item => item.Extracted is "yes" or "no")),
            .. rules.Harness == Harness.LmmsEval ? [Share("yes ratio of the questions", all.TrueYesRatio, items.Count)] : (Figure[])[],
            .. Figures.MeanByCategory(items),
            .. Figures.By(items, item => item.Reference.Category, (name, of) => F1($"{name} f1", of)),
        ];

        static Figure Share(string name, double value, int of) => new(name, value, of, Interval.OfShare(value, of));

        // The harmonic mean is 2 t / (2 t + w), of t true positives and w answers that are wrong in one way or the other; lmms-eval does not
        // count a missed yes where the answer is neither.
        Figure F1(string name, IReadOnlyList<ScoredItem> of)
        {
            (int True, int Wrong)[] counts = [.. of.Select(item => item.Extracted == "yes" ? (IsYes(item) ? (1, 0) : (0, 1))
                : IsYes(item) && (item.Extracted == "no" || rules.Harness != Harness.LmmsEval) ? (0, 1) : (0, 0))];
            return new Figure(name, Of(of, rules).F1, of.Count, Interval.Bootstrap(counts, drawn =>
            {
                var (right, wrong) = (0, 0);
                foreach (var count in drawn) (right, wrong) = (right + count.True, wrong + count.Wrong);
                return right == 0 ? 0 : 2.0 * right / (2 * right + wrong);
            }));
        }
    }

    private static PopeScores Of(IReadOnlyList<ScoredItem> items, Rules rules) => Pope.Of([.. items.Select(item => (item.Reference.Answers[0], item.Answer))], rules);

    private static bool IsYes(ScoredItem item) => item.Reference.Answers[0].Trim().Equals("yes", StringComparison.OrdinalIgnoreCase);
}
