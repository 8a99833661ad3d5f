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
        var (all, count) = (Of(items), items.Count);
        var accuracy = Figures.Mean("accuracy", items);
        var f1 = F1("f1", items);
        Figure[] headline = rules.Harness == Harness.VlmEvalKit ? [f1, accuracy] : [accuracy, f1];
        return
        [
            .. headline,
            Share("precision", all.Precision, items.Count(Said("yes"))),
            Share("recall", all.Recall, items.Count(item => item.Reference.Answers[0].Trim().Equals("yes", StringComparison.OrdinalIgnoreCase))),
            Share("yes ratio", all.YesRatio, items.Count(item => Said("yes")(item) || Said("no")(item))),
            .. rules.Harness == Harness.LmmsEval ? [Share("yes ratio of the questions", all.TrueYesRatio, count)] : (Figure[])[],
            .. Figures.By(items, item => item.Reference.Category, Figures.Mean),
            .. Figures.By(items, item => item.Reference.Category, (name, of) => F1($"{name} f1", of)),
        ];

        PopeScores Of(IReadOnlyList<ScoredItem> of) => Pope.Of([.. of.Select(item => (item.Reference.Answers[0], item.Answer))], rules);

        static Func<ScoredItem, bool> Said(string word) => item => item.Extracted == word;

        static Figure Share(string name, double value, int of) => new(name, value, of, of == 0 ? 0 : 1.96 * Math.Sqrt(value * (1 - value) / of));

        Figure F1(string name, IReadOnlyList<ScoredItem> of)
        {
            // F1 is 2 t / (2 t + w), t the true positives and w the wrong answers; by the delta method its variance is that of a share of 2 t + w, within a factor of two.
            var scores = Of(of);
            var positives = of.Count(Said("yes")) + of.Count(item => item.Reference.Answers[0].Trim().Equals("yes", StringComparison.OrdinalIgnoreCase));
            return Share(name, scores.F1, positives) is var figure ? figure with { Count = of.Count } : figure;
        }
    }
}
