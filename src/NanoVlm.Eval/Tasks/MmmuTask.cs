using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>MMMU's validation set: questions of college level in 30 subjects (Yue et al. 2024, https://arxiv.org/abs/2311.16502), some of several pictures,
/// some open.</summary>
internal sealed class MmmuTask : Benchmark
{
    private const int MaxImages = 7;
    private const string MultipleChoice = "multiple-choice";

    // The paper's disciplines and their subjects.
    private static readonly (string Name, string[] Subjects)[] Disciplines =
    [
        ("Art and Design", ["Art", "Art_Theory", "Design", "Music"]),
        ("Business", ["Accounting", "Economics", "Finance", "Manage", "Marketing"]),
        ("Science", ["Biology", "Chemistry", "Geography", "Math", "Physics"]),
        ("Health and Medicine", ["Basic_Medical_Science", "Clinical_Medicine", "Diagnostics_and_Laboratory_Medicine", "Pharmacy", "Public_Health"]),
        ("Humanities and Social Science", ["History", "Literature", "Sociology", "Psychology"]),
        ("Tech and Engineering", ["Agriculture", "Architecture_and_Engineering", "Computer_Science", "Electronics", "Energy_and_Power", "Materials", "Mechanical_Engineering"]),
    ];

    /// <inheritdoc/>
    public override string Name => "mmmu_val";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("lmms-lab/MMMU", null, "validation", 900);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
    [
        new("id", TableKind.Text), new("question", TableKind.Text), new("options", TableKind.Text),
        .. Enumerable.Range(1, MaxImages).Select(k => new TableColumn($"image_{k}", TableKind.Image)),
        new("answer", TableKind.Text), new("question_type", TableKind.Text),
    ];

    /// <inheritdoc/>
    protected override string? Id(TableRow row) => row.Text("id");

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format)
    {
        var question = row.Text("question");
        var kind = row.Text("question_type");
        IReadOnlyList<string> options = kind == MultipleChoice
            ? PythonList.Parse(row.Text("options")) ?? throw new NanoVlmException($"{row.Origin}: options is {row.Text("options")}; expected a list of Python, such as ['a', 'b'].") : [];
        var references = PromptFormat.ReferencesIn([question, .. options]).ToList();
        if (format.ImageReferences == ImageReferences.Keep) references = [.. references.Distinct().Order()];
        else if (references.Count == 0) references = [.. Enumerable.Range(1, MaxImages).Where(k => row.Image($"image_{k}") is not null)];
        var images = references.Select(k => row.Image($"image_{k}") ?? throw new NanoVlmException($"{row.Origin}: the question refers to <image {k}>, and image_{k} is null.")).ToArray();
        var id = row.Text("id").Split('_');
        var reference = new Reference
        {
            Answers = [row.Text("answer")],
            Options = options,
            Category = id.Length > 2 ? string.Join('_', id[1..^1]) : "", // validation_Art_Theory_12
            Kind = kind,
        };
        return (format.Write(question, options), images, reference);
    }

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules)
    {
        if (reference.Kind != MultipleChoice) return new ScoredItem(id, reference, answer, MmmuAnswer.Open(answer, Gold(reference, rules), rules));
        var letter = MmmuAnswer.MultipleChoice(answer, reference.Options, id, rules);
        return new ScoredItem(id, reference, answer, letter == reference.Answers[0].Trim() ? 1 : 0, letter);
    }

    /// <summary>The share of all questions, then of each discipline's, then of each subject's.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules) =>
    [
        Figures.Mean("accuracy", items),
        .. Disciplines.Select(discipline => Figures.Mean(discipline.Name, [.. items.Where(item => discipline.Subjects.Contains(item.Reference.Category))])).Where(figure => figure.Count > 0),
        .. Figures.MeanByCategory(items),
    ];

    // Several right answers are one text, a list of Python; the harnesses hold answers against that text.
    private static IReadOnlyList<string> Gold(Reference reference, Rules rules) =>
        rules.Harness == Harness.None && PythonList.Parse(reference.Answers[0]) is { Count: > 0 } several ? several : reference.Answers;
}
