using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>ScienceQA: questions of school science, about half of them with a picture (Lu et al. 2022, https://arxiv.org/abs/2209.09513).</summary>
internal sealed class ScienceQaTask : Benchmark
{
    private ScienceQaTask(string name, string subset, int rows) => (Name, Published) = (name, new("lmms-lab/ScienceQA", subset, "test", rows));

    /// <summary>All questions.</summary>
    public static ScienceQaTask Full { get; } = new("scienceqa", "ScienceQA-FULL", 4241);

    /// <summary>Those with a picture.</summary>
    public static ScienceQaTask WithImages { get; } = new("scienceqa_img", "ScienceQA-IMG", 2017);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override PublishedSet Published { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
    [
        new("image", TableKind.Image), new("question", TableKind.Text), new("choices", TableKind.Texts), new("answer", TableKind.Integer), new("hint", TableKind.Text),
        new("subject", TableKind.Text) { IsRequired = false },
    ];

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format)
    {
        var choices = row.Texts("choices");
        var reference = new Reference { Answers = [Letter(row, row.Integer("answer"), choices.Count)], Options = choices, Category = row.TextOrNull("subject") ?? "" };
        return (format.Write(row.Text("question"), choices, row.TextOrNull("hint") ?? ""), Image(row), reference);
    }

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules)
    {
        var (score, extracted) = MultipleChoice.ScienceQa(answer, reference.Options, reference.Answers[0], rules);
        return new ScoredItem(id, reference, answer, score, extracted);
    }
}
