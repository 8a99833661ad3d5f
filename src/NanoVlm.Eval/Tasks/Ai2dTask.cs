using System.Globalization;
using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>AI2D: diagrams of school science (Kembhavi et al. 2016, https://arxiv.org/abs/1603.07396).</summary>
internal sealed class Ai2dTask : Benchmark
{
    /// <inheritdoc/>
    public override string Name => "ai2d";

    /// <inheritdoc/>
    public override PublishedSet Published { get; } = new("lmms-lab/ai2d", null, "test", 3088);

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; } =
        [new("question", TableKind.Text), new("options", TableKind.Texts), new("answer", TableKind.Label), new("image", TableKind.Image)];

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format)
    {
        var options = row.Texts("options");
        var answer = row.Label("answer"); // the index as text
        if (!long.TryParse(answer, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var index))
            throw new NanoVlmException($"{row.Origin}: the answer is '{answer}'; expected the index of a choice.");
        return (format.Write(row.Text("question"), options), Image(row), new Reference { Answers = [Letter(row, index, options.Count)], Options = options });
    }

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules)
    {
        var (score, extracted) = MultipleChoice.Ai2d(answer, reference.Options, reference.Answers[0], rules);
        return new ScoredItem(id, reference, answer, score, extracted);
    }
}
