using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>MMStar: questions that cannot be answered without looking (Chen et al. 2024, https://arxiv.org/abs/2403.20330); 6 capabilities of 3 parts each.</summary>
internal sealed class MmstarTask : Benchmark
{
    /// <inheritdoc/>
    public override string Name => "mmstar";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("Lin-Chen/MMStar", null, "val", 1500);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
    [
        new("index", TableKind.Label), new("question", TableKind.Text), new("image", TableKind.Image), new("answer", TableKind.Text),
        new("category", TableKind.Text), new("l2_category", TableKind.Text),
    ];

    /// <inheritdoc/>
    protected override string? Id(TableRow row) => row.Label("index");

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format)
    {
        var question = row.Text("question");
        var (stem, options) = ListedOptions.Of(question);
        var reference = new Reference
        {
            Answers = [row.Text("answer").Trim().ToUpperInvariant()],
            Options = options,
            Category = row.Text("category"),
            Subcategory = row.Text("l2_category"),
        };
        return (format.Write(question, options, stem: stem), Image(row), reference);
    }

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules)
    {
        var (score, extracted) = MultipleChoice.MMStar(answer, reference.Options, reference.Answers[0], rules);
        return new ScoredItem(id, reference, answer, score, extracted);
    }

    /// <summary>By lmms-eval's rules the mean of the parts' means, else the share of all questions; then the capabilities in the same way, then the parts.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules)
    {
        Func<string, IReadOnlyList<ScoredItem>, Figure> of = rules.Harness == Harness.LmmsEval
            ? (name, of) => Figures.MeanOfMeans(name, of, item => item.Reference.Subcategory) : Figures.Mean;
        return [of("average", items), .. Figures.By(items, item => item.Reference.Category, of), .. Figures.By(items, item => item.Reference.Subcategory, Figures.Mean)];
    }
}
