using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>OCRBench: 1000 questions about text in pictures, a point each (Liu et al. 2023, https://arxiv.org/abs/2305.07895).</summary>
internal sealed class OcrBenchTask : Benchmark
{
    private const string Recognition = "Recognition"; // what the six kinds of bare reading end in, and no other but formulas
    private const string Formulas = "Handwritten Mathematical Expression Recognition";

    /// <inheritdoc/>
    public override string Name => "ocrbench";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("echo840/OCRBench", null, "test", 1000);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
    [
        new("dataset", TableKind.Text), new("question", TableKind.Text), new("question_type", TableKind.Text), new("answer", TableKind.Texts), new("image", TableKind.Image),
    ];

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format) =>
        (format.Write(row.Text("question")), Image(row), new Reference { Answers = row.Texts("answer"), Category = row.Text("question_type"), Kind = row.Text("dataset") });

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) =>
        new(id, reference, answer, OcrBench.Score(answer, reference.Answers, reference.Kind, rules));

    /// <summary>The points, then those of bare reading, then those of each kind of question.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules)
    {
        ScoredItem[] reading = [.. items.Where(item => item.Reference.Category.EndsWith(Recognition, StringComparison.Ordinal) && item.Reference.Category != Formulas)];
        return [Figures.Sum("score", items), .. reading.Length > 0 ? [Figures.Sum("Text Recognition", reading)] : (Figure[])[], .. Figures.By(items, item => item.Reference.Category, Figures.Sum)];
    }
}
