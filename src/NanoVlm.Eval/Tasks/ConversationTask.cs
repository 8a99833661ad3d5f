using NanoVlm.Data;
using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>
/// Conversations as a benchmark: each turn's question alone, so that no earlier turn gives an answer away. An answer is right if it is the expected one, apart
/// from case and outer white space. The trainer's own test, and, as <c>shapes</c>, the test split of a shapes data set.
/// </summary>
/// <param name="name">As results name it.</param>
/// <param name="samples">The conversations where they are open already; null: they are read from files.</param>
public sealed class ConversationTask(string name, IReadOnlyList<RawSample>? samples = null) : EvalTask
{
    /// <summary>Conversations in JSONL files as one trains on.</summary>
    public static readonly ConversationTask Conversations = new("conversations");

    /// <summary>The built-in shapes: <c>test.jsonl</c> of their folder.</summary>
    public static readonly ConversationTask Shapes = new("shapes");

    /// <inheritdoc/>
    public override string Name => name;

    /// <inheritdoc/>
    public override int MaxNewTokens => 16;

    /// <inheritdoc/>
    public override IReadOnlyList<TaskItem> Open(TaskData data)
    {
        if (samples is not null) return Items(samples);
        if (data.Path is null) throw new NanoVlmException($"{name}: there is no published data set; name the data's folder with --data.");
        var file = Directory.Exists(data.Path) ? Path.Combine(data.Path, (data.Split ?? "test") + ".jsonl") : data.Path;
        using var source = ConversationSource.Open(file);
        return Items(source);
    }

    /// <summary>The questions of conversations.</summary>
    /// <param name="samples">The conversations; one that cannot be read is one item, which throws when it is read.</param>
    /// <param name="limit">The most questions; null: all.</param>
    public static IReadOnlyList<TaskItem> Items(IReadOnlyList<RawSample> samples, int? limit = null)
    {
        var items = new ItemList();
        for (var row = 0; row < samples.Count && !(items.Count >= limit); row++)
        {
            try
            {
                var sample = samples[row];
                for (var turn = 0; turn < sample.Turns.Count && !(items.Count >= limit); turn++)
                {
                    var kind = turn < sample.Kinds.Count ? sample.Kinds[turn] : "";
                    var reference = new Reference { Answers = [sample.Turns[turn].Assistant], Category = kind };
                    items.Add(new TaskItem($"{row}.{turn}", Marked(sample.Turns[turn].User, sample.Images.Count), sample.Images, reference));
                }
            }
            catch (NanoVlmException error)
            {
                items.Add(error);
            }
        }
        return items;
    }

    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) => new(
        id, reference, answer, reference.Answers.Any(right => string.Equals(answer.Trim(), right.Trim(), StringComparison.OrdinalIgnoreCase)) ? 1 : 0);

    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules) => [Figures.Mean("accuracy", items), .. Figures.MeanByCategory(items)];

    // The marks of a conversation's images stand in its first question, as a rule; a question whose own are not as many is asked after all of them.
    private static string Marked(string question, int images) => question.Split(SampleBuilder.ImageMark).Length - 1 == images
        ? question : question.Replace(SampleBuilder.ImageMark + "\n", "", StringComparison.Ordinal).Replace(SampleBuilder.ImageMark, "", StringComparison.Ordinal);
}
