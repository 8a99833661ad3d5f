using System.Threading.Channels;
using NanoVlm.Data;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Generation;

namespace NanoVlm.Evaluation.Running;

/// <summary>Asks a model the items of a benchmark, batch by batch; the images of the next batch are prepared while one is answered.</summary>
public sealed class EvaluationRunner
{
    private readonly TextGenerator generator;
    private readonly SampleBuilder builder;
    private readonly EvaluationOptions options;
    private readonly int mostTokens;

    /// <param name="generator">Answers, greedily.</param>
    /// <param name="builder">Makes the prompts.</param>
    /// <param name="options">How.</param>
    /// <param name="mostTokens">The most tokens of a prompt and its answer together: the model's <c>max_position_embeddings</c>.</param>
    public EvaluationRunner(TextGenerator generator, SampleBuilder builder, EvaluationOptions options, int mostTokens) =>
        (this.generator, this.builder, this.options, this.mostTokens) = (generator, builder, options, mostTokens);

    /// <summary>Asks all items.</summary>
    /// <param name="task">The benchmark.</param>
    /// <param name="items">Its items.</param>
    /// <param name="warn">Hears of items that cannot be asked, which count as wrong.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>The answers in the items' order.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<ItemResult> Ask(EvalTask task, IReadOnlyList<TaskItem> items, Action<string> warn, CancellationToken cancellation = default)
    {
        var results = new ItemResult[items.Count];
        Ask(task, "lmms", items, _ => false, batch =>
        {
            foreach (var (index, item) in batch) results[index] = item;
        }, warn, cancellation);
        return results;
    }

    /// <summary>Asks this share's items that are not done.</summary>
    /// <param name="task">The benchmark.</param>
    /// <param name="prompts">As <see cref="TaskData.Prompts"/>.</param>
    /// <param name="items">Its items, after the limit.</param>
    /// <param name="isDone">Whether an item is done.</param>
    /// <param name="answered">Gets each batch: items with their places.</param>
    /// <param name="warn">Hears of items that cannot be asked, which count as wrong.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Ask(
        EvalTask task, string prompts, IReadOnlyList<TaskItem> items, Func<int, bool> isDone, Action<IReadOnlyList<(int Index, ItemResult Item)>> answered, Action<string> warn, CancellationToken cancellation)
    {
        var generation = new GenerationOptions { MaxNewTokens = options.MaxNewTokens ?? task.MaxNewTokensWith(prompts), StopStrings = task.StopStringsWith(prompts), Sampling = Sampling.Greedy };
        var plan = new BatchPlan(items, builder, options, mostTokens - generation.MaxNewTokens);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var ahead = Channel.CreateBounded<Task<Prepared[]>>(1);
        var reading = Task.Run(() => ReadAhead(plan.Batches(isDone, stop.Token), ahead.Writer, stop.Token), CancellationToken.None);
        try
        {
            while (Next(ahead.Reader) is { } batch) answered(Answer(task, batch, generation, warn, cancellation));
        }
        finally
        {
            stop.Cancel();
            try
            {
                reading.Wait(CancellationToken.None);
            }
            catch (AggregateException)
            {
                // Stopped, or what was wrong has been thrown here.
            }
        }
        cancellation.ThrowIfCancellationRequested();
    }

    private async Task ReadAhead(IEnumerable<IReadOnlyList<PlannedItem>> batches, ChannelWriter<Task<Prepared[]>> writer, CancellationToken cancellation)
    {
        try
        {
            foreach (var batch in batches)
            {
                // Not begun before there is room for it: pixels take much memory.
                if (await writer.WaitToWriteAsync(cancellation).ConfigureAwait(false)) writer.TryWrite(Task.Run(() => Prepare(batch), cancellation));
            }
            writer.Complete();
        }
        catch (Exception e)
        {
            writer.Complete(e);
        }
    }

    private static Prepared[]? Next(ChannelReader<Task<Prepared[]>> reader)
    {
        while (reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            if (reader.TryRead(out var batch)) return batch.GetAwaiter().GetResult();
        return null;
    }

    private Prepared[] Prepare(IReadOnlyList<PlannedItem> batch)
    {
        var prepared = new Prepared[batch.Count];
        // Plans about the same images side by side share their pixels.
        var firsts = Enumerable.Range(0, batch.Count).Where(i => i == 0 || !Shares(batch[i - 1], batch[i])).ToArray();
        Parallel.For(0, firsts.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, run =>
        {
            var (start, end) = (firsts[run], run + 1 < firsts.Length ? firsts[run + 1] : batch.Count);
            Sample? first = null;
            var error = batch[start].Error;
            try
            {
                if (batch[start].Plan is { } plan) first = builder.Decode(plan);
            }
            catch (NanoVlmException e)
            {
                error = e.Message;
            }
            for (var i = start; i < end; i++)
                prepared[i] = new Prepared(batch[i], first is null ? null : first with { InputIds = batch[i].Plan!.InputIds, Labels = batch[i].Plan!.Labels }, error);
        });
        return prepared;
    }

    private static bool Shares(PlannedItem one, PlannedItem other) => one.Plan is { Images.Count: > 0 } a && other.Plan is { } b && a.Images.SequenceEqual(b.Images);

    private (int, ItemResult)[] Answer(EvalTask task, Prepared[] batch, GenerationOptions generation, Action<string> warn, CancellationToken cancellation)
    {
        var prompts = batch.Select(item => item.Prompt).OfType<Sample>().ToArray();
        var completions = prompts.Length == 0 ? [] : generator.Generate(prompts, generation, cancellation: cancellation);
        var results = new (int, ItemResult)[batch.Length];
        for (int i = 0, answer = 0; i < batch.Length; i++)
        {
            var (planned, prompt, error) = batch[i];
            var item = planned.Item ?? new TaskItem($"#{planned.Index}", "", [], new Reference { Answers = [""] });
            if (error is not null) warn($"{task.Name}, item {item.Id} counts as wrong: {error}");
            var scored = error is null ? task.Score(item.Id, item.Reference, completions[answer++].Text, options.Rules) : new ScoredItem(item.Id, item.Reference, "", 0);
            results[i] = (planned.Index, new ItemResult
            {
                Id = item.Id,
                Question = item.Question,
                Images = [.. item.Images.Select(image => image.Name)],
                Reference = item.Reference,
                Answer = scored.Answer,
                Extracted = scored.Extracted,
                Score = scored.Score,
                Error = error,
            });
        }
        return results;
    }

    private sealed record Prepared(PlannedItem Planned, Sample? Prompt, string? Error);
}
