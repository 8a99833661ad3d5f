using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>VQA v2's validation set: questions about photographs, with ten people's answers (Goyal et al. 2017, https://arxiv.org/abs/1612.00837).</summary>
internal sealed class VqaV2Task : Benchmark
{
    /// <inheritdoc/>
    public override string Name => "vqav2_val";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("lmms-lab/VQAv2", null, "validation", 214_354);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
    [
        new("question_id", TableKind.Label), new("question", TableKind.Text), new("image", TableKind.Image), TableColumn.Structures("answers", "answer"),
        new("answer_type", TableKind.Text) { IsRequired = false },
    ];

    /// <inheritdoc/>
    protected override string? Id(TableRow row) => row.Label("question_id");

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format) =>
        (format.Write(row.Text("question")), Image(row), new Reference { Answers = row.Texts("answers", "answer"), Category = row.TextOrNull("answer_type") ?? "" });

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) =>
        new(id, reference, answer, VqaAccuracy.Score(answer, reference.Answers, rules, wordTokenize: false));
}
