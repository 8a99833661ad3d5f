using NanoVlm.Data;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Running;

/// <summary>
/// Which items are asked together. A function of the items and the batch size alone, so that a process that goes on where another was killed, or does a
/// share of the work, makes the same batches.
/// </summary>
internal sealed class BatchPlan
{
    /// <summary>The most questions about the same images that go together.</summary>
    public const int MostQuestions = 16;

    private const int SmallestWindow = 256; // items; tables are read by groups of neighbouring rows
    private const int BatchesOfAWindow = 8; // enough for sorting to pay

    private readonly IReadOnlyList<TaskItem> items;
    private readonly SampleBuilder builder;
    private readonly EvaluationOptions options;
    private readonly int mostTokens;

    /// <param name="items">The items, in the published order.</param>
    /// <param name="builder">Makes the prompts.</param>
    /// <param name="options">How.</param>
    /// <param name="mostTokens">The longest prompt, in tokens.</param>
    public BatchPlan(IReadOnlyList<TaskItem> items, SampleBuilder builder, EvaluationOptions options, int mostTokens) =>
        (this.items, this.builder, this.options, this.mostTokens) = (items, builder, options, mostTokens);

    /// <summary>This share's batches that are not done: a window of neighbouring items at a time, those with the longest prompts first.</summary>
    /// <param name="isDone">Whether an item is done.</param>
    /// <param name="cancellation">Stops the reading.</param>
    public IEnumerable<IReadOnlyList<PlannedItem>> Batches(Func<int, bool> isDone, CancellationToken cancellation)
    {
        var size = Math.Max(SmallestWindow, BatchesOfAWindow * options.BatchSize);
        for (var (start, window) = (0, 0); start < items.Count; start += size, window++)
        {
            var count = Math.Min(size, items.Count - start);
            if (Enumerable.Range(start, count).All(isDone)) continue;
            var batches = Runs(Read(start, count, cancellation)).OrderByDescending(run => run.Max(item => item.Length)).Chunk(options.BatchSize);
            foreach (var (number, batch) in batches.Index())
            {
                PlannedItem[] together = [.. batch.SelectMany(run => run)];
                if ((window + number) % options.Shares == options.Share && !together.All(item => isDone(item.Index))) yield return together;
            }
        }
    }

    private PlannedItem[] Read(int start, int count, CancellationToken cancellation)
    {
        // Rows one after the other, as files have them; prompts side by side.
        var planned = new PlannedItem[count];
        for (var i = 0; i < count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                planned[i] = new PlannedItem(start + i, items[start + i]);
            }
            catch (NanoVlmException error)
            {
                planned[i] = new PlannedItem(start + i, null) { Error = error.Message };
            }
        }
        Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            if (planned[i].Item is { } item) planned[i] = Planned(planned[i], item);
        });
        return planned;
    }

    private PlannedItem Planned(PlannedItem planned, TaskItem item)
    {
        try
        {
            var plan = builder.PlanPrompt(item.Question, options.Blind ? [.. item.Images.Select(Grey)] : item.Images);
            return plan.InputIds.Length <= mostTokens ? planned with { Plan = plan }
                : planned with { Error = $"the prompt has {plan.InputIds.Length} tokens with its images; the model takes at most {mostTokens} beside the answer." };
        }
        catch (NanoVlmException error)
        {
            return planned with { Error = error.Message };
        }
    }

    private static StoredImage Grey(StoredImage image)
    {
        var (width, height) = image.Size();
        var flat = new byte[3 * width * height];
        Array.Fill(flat, (byte)128);
        return new StoredImage(image.Name, ImageCodec.EncodePng(new RgbImage(width, height, flat)));
    }

    // Items side by side about the same images stay together: these are encoded once.
    private static List<List<PlannedItem>> Runs(PlannedItem[] planned)
    {
        var runs = new List<List<PlannedItem>>();
        foreach (var item in planned)
        {
            if (runs.Count > 0 && runs[^1].Count < MostQuestions && Same(runs[^1][0].Plan?.Images, item.Plan?.Images)) runs[^1].Add(item);
            else runs.Add([item]);
        }
        return runs;

        static bool Same(IReadOnlyList<StoredImage>? one, IReadOnlyList<StoredImage>? other) => one is { Count: > 0 } && other is not null && one.SequenceEqual(other);
    }
}

/// <summary>An item with its prompt, or with what is wrong with it.</summary>
/// <param name="Index">Its place in the published order, from 0.</param>
/// <param name="Item">The item; null: it cannot be read.</param>
internal sealed record PlannedItem(int Index, TaskItem? Item)
{
    /// <summary>Its prompt, images not decoded yet; null: it cannot be asked.</summary>
    public SamplePlan? Plan { get; init; }

    /// <summary>Why it cannot be asked; null: it can.</summary>
    public string? Error { get; init; }

    /// <summary>The prompt's tokens.</summary>
    public int Length => Plan?.InputIds.Length ?? 0;
}
