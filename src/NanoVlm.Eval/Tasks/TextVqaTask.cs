using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>TextVQA's validation set: questions about text in photographs, with ten people's answers (Singh et al. 2019, https://arxiv.org/abs/1904.08920).</summary>
internal sealed class TextVqaTask : Benchmark
{
    /// <inheritdoc/>
    public override string Name => "textvqa_val";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("lmms-lab/textvqa", null, "validation", 5000);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
        [new("question_id", TableKind.Label), new("question", TableKind.Text), new("image", TableKind.Image), new("answers", TableKind.Texts)];

    /// <inheritdoc/>
    protected override string? Id(TableRow row) => row.Label("question_id");

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format) =>
        (format.Write(row.Text("question")), Image(row), new Reference { Answers = row.Texts("answers") });

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) =>
        new(id, reference, answer, VqaAccuracy.Score(answer, reference.Answers, rules, wordTokenize: true));
}
