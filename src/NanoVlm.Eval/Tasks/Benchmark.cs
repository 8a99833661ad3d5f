using System.Collections;
using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>A published benchmark: parquet files of known columns, asked in the words of a harness.</summary>
internal abstract class Benchmark : EvalTask
{
    /// <summary>The data set that it is published as.</summary>
    public abstract PublishedSet Published { get; }

    /// <summary>The columns that it reads.</summary>
    public abstract IReadOnlyList<TableColumn> Columns { get; }

    /// <inheritdoc/>
    public override int MaxNewTokens => MaxNewTokensWith("lmms");

    /// <inheritdoc/>
    public override IReadOnlyList<string> StopStrings => StopStringsWith("lmms");

    /// <inheritdoc/>
    public override int MaxNewTokensWith(string prompts) => PromptSet.Named(prompts).For(Name).MaxNewTokens;

    /// <inheritdoc/>
    public override IReadOnlyList<string> StopStringsWith(string prompts) => PromptSet.Named(prompts).For(Name).Stop;

    /// <inheritdoc/>
    public override string PromptsVersionWith(string prompts) => PromptSet.Named(prompts).Version;

    /// <summary>Opens its questions. Texts are read at once, pictures when their bytes are asked for.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<TaskItem> Open(TaskData data)
    {
        var format = PromptSet.Named(data.Prompts).For(Name);
        var table = ParquetTable.Open($"{Name}: {data.Path ?? Published.ToString()}", Published.Files(data), Columns);
        var rows = Enumerable.Range(0, table.Count).Where(row => IsAsked(table[row])).ToArray();
        if (rows.Length == 0) throw new NanoVlmException($"{table.Name}: none of its {table.Count} rows is asked.");
        var seen = new Dictionary<string, int>();
        var ids = new string[rows.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            var id = IdOrNull(table[rows[i]]) ?? $"{rows[i]}";
            var before = seen[id] = seen.GetValueOrDefault(id) + 1;
            ids[i] = before == 1 ? id : $"{id}#{before}";
        }
        return new Items(this, format, table, rows, ids);
    }

    /// <summary>The share of right answers, and the same of each category.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules) =>
        [Figures.Mean(Measure, items), .. Figures.MeanByCategory(items)];

    /// <summary>What the mean of the scores is called.</summary>
    protected virtual string Measure => "accuracy";

    /// <summary>What the set calls a row; null: its index. Where the set repeats itself, a count is put behind it.</summary>
    protected virtual string? Id(TableRow row) => null;

    /// <summary>Whether a row is one of the questions.</summary>
    protected virtual bool IsAsked(TableRow row) => true;

    /// <summary>Makes a question of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="format">In which words.</param>
    /// <exception cref="NanoVlmException">The row is not as expected.</exception>
    protected abstract (string Question, IReadOnlyList<StoredImage> Images, Reference Reference) Ask(TableRow row, PromptFormat format);

    /// <summary>The picture of a column, or no picture.</summary>
    protected static IReadOnlyList<StoredImage> Image(TableRow row, string column = "image") => row.Image(column) is { } image ? [image] : [];

    /// <summary>The letter of the choice that an index means.</summary>
    /// <exception cref="NanoVlmException">There is no such choice.</exception>
    protected static string Letter(TableRow row, long index, int choices) => index >= 0 && index < choices ? PromptFormat.Letter((int)index)
        : throw new NanoVlmException($"{row.Origin}: the answer is choice {index} of {choices}; expected one from 0 to {choices - 1}.");

    // That a row has no name is no error before it is asked.
    private string? IdOrNull(TableRow row)
    {
        try
        {
            return Id(row);
        }
        catch (NanoVlmException)
        {
            return null;
        }
    }

    private sealed class Items(Benchmark task, PromptFormat format, ParquetTable table, int[] rows, string[] ids) : IReadOnlyList<TaskItem>
    {
        public int Count => rows.Length;

        public TaskItem this[int index]
        {
            get
            {
                var (question, images, reference) = task.Ask(table[rows[index]], format);
                return new TaskItem(ids[index], question, images, reference);
            }
        }

        public IEnumerator<TaskItem> GetEnumerator()
        {
            for (var i = 0; i < Count; i++) yield return this[i];
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
