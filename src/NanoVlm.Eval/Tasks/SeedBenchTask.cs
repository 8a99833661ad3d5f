using System.Globalization;
using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>SEED-Bench: choices about pictures, in nine dimensions (Li et al. 2023, https://arxiv.org/abs/2307.16125). Its questions about videos are left out.</summary>
internal sealed class SeedBenchTask : Benchmark
{
    // The paper's dimensions of pictures, from 1 on.
    private static readonly string[] Dimensions =
    [
        "Scene Understanding", "Instance Identity", "Instance Attributes", "Instance Location", "Instances Counting", "Spatial Relation", "Instance Interaction",
        "Visual Reasoning", "Text Understanding",
    ];

    private static readonly string[] Choices = ["choice_a", "choice_b", "choice_c", "choice_d"];

    /// <inheritdoc/>
    public override string Name => "seedbench";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("lmms-lab/SEED-Bench", null, "test", 17_990);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
    [
        new("answer", TableKind.Text), .. Choices.Select(choice => new TableColumn(choice, TableKind.Text)), new("data_type", TableKind.Text), new("question", TableKind.Text),
        new("question_id", TableKind.Label), new("image", TableKind.Images), new("question_type_id", TableKind.Label) { IsRequired = false },
    ];

    /// <inheritdoc/>
    protected override string? Id(TableRow row) => row.Label("question_id");

    /// <inheritdoc/>
    protected override bool IsAsked(TableRow row) => row.TextOrNull("data_type") != "video";

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format)
    {
        string[] choices = [.. Choices.Select(choice => row.Text(choice))];
        var dimension = row.Has("question_type_id") && int.TryParse(row.Label("question_type_id"), CultureInfo.InvariantCulture, out var number) ? number : 0;
        var reference = new Reference
        {
            Answers = [row.Text("answer").Trim().ToUpperInvariant()],
            Options = choices,
            Category = dimension >= 1 && dimension <= Dimensions.Length ? Dimensions[dimension - 1] : "",
        };
        return (format.Write(row.Text("question"), choices), row.Images("image"), reference);
    }

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules)
    {
        var (score, extracted) = MultipleChoice.SeedBench(answer, reference.Options, reference.Answers[0], rules);
        return new ScoredItem(id, reference, answer, score, extracted);
    }
}
