using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>DocVQA and InfographicVQA: what stands in a document, and how near an answer's letters come to it (Mathew et al. 2021,
/// https://arxiv.org/abs/2007.00398 and https://arxiv.org/abs/2104.12756).</summary>
internal sealed class DocumentVqaTask : Benchmark
{
    private DocumentVqaTask(string name, string subset, int rows) => (Name, Published) = (name, new("lmms-lab/DocVQA", subset, "validation", rows));

    /// <summary>Scanned pages.</summary>
    public static DocumentVqaTask Documents { get; } = new("docvqa_val", "DocVQA", 5349);

    /// <summary>Infographics.</summary>
    public static DocumentVqaTask Infographics { get; } = new("infovqa_val", "InfographicVQA", 2801);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override PublishedSet Published { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
        [new("questionId", TableKind.Label), new("question", TableKind.Text), new("image", TableKind.Image), new("answers", TableKind.Texts)];

    /// <inheritdoc/>
    protected override string? Id(TableRow row) => row.Label("questionId");

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format) =>
        (format.Write(row.Text("question")), Image(row), new Reference { Answers = row.Texts("answers") });

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) => new(id, reference, answer, Anls.Score(answer, reference.Answers, rules));

    /// <inheritdoc/>
    protected override string Measure => "anls";
}
