using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>ChartQA: charts, with questions that people wrote and questions made of captions (Masry et al. 2022, https://arxiv.org/abs/2203.10244).</summary>
internal sealed class ChartQaTask : Benchmark
{
    /// <inheritdoc/>
    public override string Name => "chartqa";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("lmms-lab/ChartQA", null, "test", 2500);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
        [new("type", TableKind.Text), new("question", TableKind.Text), new("answer", TableKind.Text), new("image", TableKind.Image)];

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format) =>
        (format.Write(row.Text("question")), Image(row), new Reference { Answers = [row.Text("answer")], Category = row.Text("type") == "human_test" ? "human" : "augmented" });

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) =>
        new(id, reference, answer, RelaxedAccuracy.Score(answer, reference.Answers[0], rules));

    /// <inheritdoc/>
    protected override string Measure => "relaxed accuracy";
}
