using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>MME: two questions about each picture, to be answered by yes or no (Fu et al. 2023, https://arxiv.org/abs/2306.13394).</summary>
internal sealed class MmeTask : Benchmark
{
    /// <inheritdoc/>
    public override string Name => "mme";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("lmms-lab/MME", null, "test", 2374);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
        [new("question_id", TableKind.Label), new("image", TableKind.Image), new("question", TableKind.Text), new("answer", TableKind.Text), new("category", TableKind.Text)];

    /// <summary>The picture's name, which is that of two questions.</summary>
    protected override string? Id(TableRow row) => row.Label("question_id");

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format)
    {
        var category = row.Text("category");
        return (format.Write(row.Text("question")), Image(row), new Reference { Answers = [row.Text("answer")], Category = category, Group = $"{category}/{row.Label("question_id")}" });
    }

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) =>
        new(id, reference, answer, Mme.Score(answer, reference.Answers[0], rules), Mme.Parse(answer, rules));

    /// <summary>The points of perception and of cognition, then those of each category.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules)
    {
        var categories = Mme.Of(items.Select(item => (item.Reference.Category, item.Reference.Group, item.Score))).Select(category =>
        {
            // An image's points: 100 times the share of right answers, and 100 more for both.
            double[] points = [.. items.Where(item => item.Reference.Category == category.Name).GroupBy(item => item.Reference.Group)
                .Select(image => 100 * (image.Average(item => item.Score) + (image.Sum(item => item.Score) == 2 ? 1 : 0)))];
            return new Figure(category.Name, category.Points, items.Count(item => item.Reference.Category == category.Name), Interval.OfMean(points), 200);
        }).ToArray();
        return [Total("perception", Mme.Perception), Total("cognition", Mme.Cognition), .. categories];

        Figure Total(string name, IReadOnlyList<string> of)
        {
            Figure[] parts = [.. categories.Where(category => of.Contains(category.Name))];
            return new Figure(name, parts.Sum(part => part.Value), parts.Sum(part => part.Count), Figures.Root(parts), 200 * of.Count);
        }
    }
}
