using System.Globalization;
using System.Threading.Channels;
using NanoVlm.Data.Packing;

namespace NanoVlm.Data;

/// <summary>
/// Reads a mix of sources in batches, ahead of its reader. Workers plan samples (text, and the sizes of images); an assembler says which of them share a
/// row; workers decode the images of those; batches come in order. What comes is a function of mix, options and the state begun at, whatever the
/// number of workers. Samples that cannot be read are skipped with a warning, up to a limit.
/// </summary>
public sealed class DataLoader : IDisposable
{
    private const int BatchesAhead = 2;

    private readonly SampleMix mix;
    private readonly SampleBuilder builder;
    private readonly DataLoaderOptions options;
    private readonly Action<string>? warn;
    private readonly SkipLimit limit;
    private readonly RowAssembler<Planned> assembler;
    private readonly CancellationTokenSource stop = new();
    private readonly Channel<Action> work = Channel.CreateUnbounded<Action>();
    private readonly Channel<Place> planning;
    private readonly Channel<BatchPlan> decoding = Channel.CreateBounded<BatchPlan>(1);
    private readonly Channel<Batch> batches = Channel.CreateBounded<Batch>(BatchesAhead);
    private readonly Task running;
    private Exception? failure;
    private LoaderCounts read = new();

    // A draw on its way: what the cursor is after it (null where it was drawn before the state begun at), and in the end its plan.
    private sealed record Place(Draw Draw, int Row, long[]? TakenAfter)
    {
        public Outcome<SamplePlan> Plan { get; } = new();
    }

    private sealed record Planned(Draw Draw, int Row, SamplePlan Plan);

    private sealed record BatchPlan(IReadOnlyList<IReadOnlyList<(Planned Planned, Outcome<Sample> Sample)>> Rows, LoaderState State);

    /// <summary>Begins to read.</summary>
    /// <param name="mix">What to read; its sources are read from several threads.</param>
    /// <param name="builder">Makes samples of its rows.</param>
    /// <param name="options">How.</param>
    /// <param name="warn">Hears of every sample that is skipped and of sources that begin again, from a background thread.</param>
    /// <exception cref="NanoVlmException">The state to go on from is of another set.</exception>
    public DataLoader(SampleMix mix, SampleBuilder builder, DataLoaderOptions options, Action<string>? warn = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Workers, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Rank, options.WorldSize);
        (this.mix, this.builder, this.options, this.warn) = (mix, builder, options, warn);
        if (options.Packing is not null && builder.HasIndependentTurns) throw new ArgumentException("Samples with independent turns cannot share rows.", nameof(options));
        if (options.Start is { } start && !start.Sizes.SequenceEqual(mix.Sources.Select(source => source.Count)))
            throw new NanoVlmException(
                $"Reading cannot go on where it was: then the sources had {string.Join(", ", start.Sizes)} rows, now {string.Join(", ", mix.Sources.Select(source => source.Count))}. Is it the set the run was started with?");
        if (options.Start is { } before && before.Settings != Settings)
            throw new NanoVlmException($"Reading cannot go on where it was: then it was by {before.Settings}, now by {Settings}. Only the number of workers may change.");
        if (options.Start is { } other && (other.Rank, other.WorldSize) != (options.Rank, options.WorldSize))
            throw new NanoVlmException($"Reading cannot go on where it was: then this was rank {other.Rank} of {other.WorldSize}, now it is rank {options.Rank} of {options.WorldSize}. Deal the state out among the ranks of now (LoaderState.Share).");
        limit = new SkipLimit(options.MaxSkipped, mix.EpochLength, warn);
        limit.Begin(options.Start?.Counts ?? new());
        var made = options.Start?.Rows ?? 0;
        assembler = options.Packing is { } packing ? new RowPacker<Planned>(packing.RowTokens, packing.RowImages, packing.Window, options.Seed, made)
            : options.BucketWindow > 1 ? new LengthBuckets<Planned>(options.BatchSize, options.BucketWindow, options.Seed, made)
            : new InOrder<Planned>(made);
        planning = Channel.CreateBounded<Place>(8 * options.Workers);
        running = Task.WhenAll([Ends(Order), Ends(Assemble), Ends(Collate), .. Enumerable.Range(0, options.Workers).Select(_ => Ends(Work))]);
    }

    // Everything but the sets themselves that decides what comes.
    private string Settings => string.Create(CultureInfo.InvariantCulture,
        $"{mix.Settings}, {(options.Packing is { } packing ? $"rows of {packing.RowTokens} tokens and {packing.RowImages} images from {packing.Window} samples" : options.BucketWindow > 1 ? $"batches of {options.BatchSize} by length from {options.BucketWindow} samples" : "a row for each sample")}, seed {options.Seed}");

    /// <summary>The next batch, or null after the last epoch. The last batch may be short.</summary>
    /// <param name="cancellationToken">Stops the waiting; the loader can be read on.</param>
    /// <exception cref="NanoVlmException">Too many samples cannot be read; names the files, the last and its fault.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Batch? Next(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(stop.IsCancellationRequested && failure is null, this);
        while (batches.Reader.WaitToReadAsync(cancellationToken).AsTask().GetAwaiter().GetResult())
            if (batches.Reader.TryRead(out var batch))
                return batch;
        return null;
    }

    /// <summary>The next batch if it is there already; null where it is not, or where <see cref="Next"/> would throw.</summary>
    public Batch? NextIfReady() => batches.Reader.TryRead(out var batch) ? batch : null;

    /// <summary>What became of all samples read so far, those of batches to come included.</summary>
    public LoaderCounts Counts => Volatile.Read(ref read) with { Skipped = limit.Skipped };

    /// <summary>Stops reading; when it returns, nothing runs any more.</summary>
    public void Dispose()
    {
        stop.Cancel();
        ((IAsyncResult)running).AsyncWaitHandle.WaitOne();
    }

    // The first failure of any part ends them all, and is what the reader sees once the batches before it are read.
    private Task Ends(Func<Task> part) => Task.Run(async () =>
    {
        try
        {
            await part().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            batches.Writer.TryComplete(failure);
        }
        catch (Exception error)
        {
            Interlocked.CompareExchange(ref failure, error, null);
            batches.Writer.TryComplete(failure);
            stop.Cancel();
        }
    });

    private async Task Order()
    {
        var taken = options.Start?.Taken.ToArray() ?? new long[mix.Sources.Count];
        foreach (var draw in options.Start?.Waiting ?? [])
            await Send(new Place(draw, mix.RowOf(draw), null)).ConfigureAwait(false);
        var last = options.Epochs * mix.EpochLength ?? long.MaxValue;
        var told = new bool[taken.Length];
        for (var drawn = taken.Sum(); drawn < last; drawn++)
        {
            var source = mix.Next(taken);
            var draw = new Draw(source, taken[source]++);
            if (draw.Number == mix.Sources[source].Count && drawn + 1 < mix.EpochLength && !told[source])
            {
                told[source] = true;
                warn?.Invoke($"{mix.Sources[source].Name} begins again: all its {mix.Sources[source].Count:N0} samples have been read");
            }
            if (drawn % options.WorldSize == options.Rank)
                await Send(new Place(draw, mix.RowOf(draw), [.. taken])).ConfigureAwait(false);
        }
        planning.Writer.Complete();

        async Task Send(Place place)
        {
            await planning.Writer.WriteAsync(place, stop.Token).ConfigureAwait(false);
            work.Writer.TryWrite(() => place.Plan.Set(() => builder.Plan(mix.Sources[place.Draw.Source][place.Row]), Where(place.Draw, place.Row)));
        }
    }

    private string Where(Draw draw, int row) => $"{mix.Sources[draw.Source].FileOf(row)}, row {row} of the set";

    private async Task Work()
    {
        await foreach (var item in work.Reader.ReadAllAsync(stop.Token).ConfigureAwait(false))
            item();
    }

    private async Task Assemble()
    {
        var counts = options.Start?.Counts ?? new();
        var taken = options.Start?.Taken ?? new long[mix.Sources.Count];
        var batch = new List<IReadOnlyList<Planned>>(options.BatchSize);
        var unused = 0L; // samples in a row
        var refills = options.Start?.Waiting.Count ?? 0; // the assembler is what it was only when it has all that waited
        await foreach (var place in planning.Reader.ReadAllAsync(stop.Token).ConfigureAwait(false))
        {
            var plan = await Outcome().ConfigureAwait(false);
            if (plan is not null)
            {
                unused = 0;
                assembler.Add(new Planned(place.Draw, place.Row, plan), plan.InputIds.Length, plan.Images.Count);
            }
            else if (++unused >= mix.EpochLength / options.WorldSize && options.Epochs is null)
            {
                throw new NanoVlmException($"None of the last {unused} samples can be used: {string.Join(", ", counts.Dropped.Select(pair => $"{pair.Value} {Words(pair.Key)}"))}. Look at them with the data command, or raise the limits of data.");
            }
            Volatile.Write(ref read, counts);
            if (--refills > 0) continue;
            if (place.TakenAfter is not null) taken = place.TakenAfter;
            await TakeRows().ConfigureAwait(false);

            async Task<SamplePlan?> Outcome()
            {
                var again = place.TakenAfter is null; // and counted before
                if (!again)
                {
                    limit.Read();
                    counts = counts with { Read = counts.Read + 1 };
                }
                try
                {
                    var plan = await place.Plan.Get(stop.Token).ConfigureAwait(false);
                    RowRefuses(plan);
                    if (!again) counts = counts with { TurnsLeftOut = counts.TurnsLeftOut + plan.TurnsLeftOut, StrayImageTokens = counts.StrayImageTokens + plan.StrayImageTokens };
                    return plan;
                }
                catch (DroppedSampleException dropped)
                {
                    if (!again) counts = counts with { Dropped = new Dictionary<DropReason, long>(counts.Dropped) { [dropped.Reason] = counts.Dropped.GetValueOrDefault(dropped.Reason) + 1 } };
                }
                catch (NanoVlmException unreadable)
                {
                    limit.Skip(mix.Sources[place.Draw.Source].FileOf(place.Row), unreadable);
                    counts = counts with { Skipped = counts.Skipped + 1 };
                }
                return null;
            }
        }
        assembler.Finish();
        await TakeRows().ConfigureAwait(false);
        if (batch.Count > 0) await Emit().ConfigureAwait(false);
        decoding.Writer.Complete();

        void RowRefuses(SamplePlan plan)
        {
            if (options.Packing is not { } row) return;
            if (plan.InputIds.Length > row.RowTokens) throw new DroppedSampleException(DropReason.TooLong, $"{plan.Origin}: has {plan.InputIds.Length} tokens; a row has {row.RowTokens}.");
            if (plan.Images.Count > row.RowImages) throw new DroppedSampleException(DropReason.TooManyImages, $"{plan.Origin}: has {plan.Images.Count} images; a row has {row.RowImages}.");
        }

        async Task TakeRows()
        {
            while (assembler.TryTake(out var row))
            {
                batch.Add(row);
                if (batch.Count == options.BatchSize) await Emit().ConfigureAwait(false);
            }
        }

        async Task Emit()
        {
            var state = new LoaderState
            {
                Sizes = [.. mix.Sources.Select(source => source.Count)],
                Settings = Settings,
                Rank = options.Rank,
                WorldSize = options.WorldSize,
                Taken = taken,
                Waiting = [.. assembler.Pending.Select(waiting => waiting.Draw)],
                Rows = assembler.Rows,
                Counts = counts,
            };
            var decode = new BatchPlan([.. batch.Select(row => row.Select(planned => (planned, new Outcome<Sample>())).ToArray())], state);
            batch.Clear();
            await decoding.Writer.WriteAsync(decode, stop.Token).ConfigureAwait(false);
            foreach (var (planned, sample) in decode.Rows.SelectMany(row => row))
                work.Writer.TryWrite(() => sample.Set(() => builder.Decode(planned.Plan) with { Source = planned.Draw.Source }, planned.Plan.Origin));
        }
    }

    private async Task Collate()
    {
        var skipped = 0;
        await foreach (var (planned, state) in decoding.Reader.ReadAllAsync(stop.Token).ConfigureAwait(false))
        {
            var rows = new List<IReadOnlyList<Sample>>(planned.Count);
            foreach (var row in planned)
            {
                var samples = new List<Sample>(row.Count);
                foreach (var (place, sample) in row)
                    try
                    {
                        samples.Add(await sample.Get(stop.Token).ConfigureAwait(false));
                    }
                    catch (NanoVlmException unreadable)
                    {
                        limit.Skip(mix.Sources[place.Draw.Source].FileOf(place.Row), unreadable);
                        skipped++;
                    }
                if (samples.Count > 0) rows.Add(samples);
            }
            if (rows.Count == 0) continue;
            var counts = state.Counts with { Skipped = state.Counts.Skipped + skipped };
            await batches.Writer.WriteAsync(Batch.Collate(rows, builder.PadTokenId, builder.TileSize, state with { Counts = counts }), stop.Token).ConfigureAwait(false);
        }
        batches.Writer.Complete();
    }

    /// <summary>A reason as people say it.</summary>
    public static string Words(DropReason reason) => reason switch
    {
        DropReason.TooLong => "too long",
        DropReason.TooManyImages => "too many images",
        DropReason.TooManyTiles => "too many tiles",
        DropReason.LowRatings => "low ratings",
        _ => "no label",
    };

    /// <summary>What a worker will have made, or how it failed.</summary>
    private sealed class Outcome<T>
    {
        private readonly TaskCompletionSource<T> made = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Set(Func<T> make, string where)
        {
            try
            {
                made.SetResult(make());
            }
            catch (Exception error)
            {
                made.SetException(error is NanoVlmException ? error : new InvalidOperationException($"{where}: {error.Message}", error));
            }
        }

        public Task<T> Get(CancellationToken cancellation) => made.Task.WaitAsync(cancellation);
    }
}
