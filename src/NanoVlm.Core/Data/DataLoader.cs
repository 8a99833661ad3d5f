using System.Threading.Channels;

namespace NanoVlm.Data;

/// <summary>How a <see cref="DataLoader"/> reads.</summary>
public sealed record DataLoaderOptions
{
    /// <summary>Samples a batch.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>The seed of the order.</summary>
    public int Seed { get; init; }

    /// <summary>Whether each epoch has a random order of its own; otherwise that of the source.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>How many passes to make; null never ends.</summary>
    public int? Epochs { get; init; }

    /// <summary>Where to begin.</summary>
    public LoaderPosition Start { get; init; }

    /// <summary>How many samples are prepared at once, at least 1. Changes nothing but the speed.</summary>
    public int Workers { get; init; } = 2;
}

/// <summary>
/// Reads a set in batches, ahead of its reader. The order depends on seed and epoch alone: every sample comes once an epoch,
/// whatever the number of workers. Samples that cannot be read are skipped with a warning, up to 1 % of the set or of what
/// was read, and at least one.
/// </summary>
public sealed class DataLoader : IDisposable
{
    private const int BatchesAhead = 2;

    private readonly IReadOnlyList<RawSample> _source;
    private readonly SampleBuilder _builder;
    private readonly DataLoaderOptions _options;
    private readonly Action<string>? _warn;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Place> _work = Channel.CreateUnbounded<Place>();
    private readonly Channel<Place> _inOrder;
    private readonly Channel<Batch> _batches = Channel.CreateBounded<Batch>(BatchesAhead);
    private readonly Task _running;
    private long _read;
    private int _skipped;

    // A sample to be: which, what comes after it, and in the end itself or why it cannot be had.
    private sealed record Place(int Index, LoaderPosition After)
    {
        public TaskCompletionSource<(Sample? Sample, NanoVlmException? Fault)> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Begins to read.</summary>
    /// <param name="source">The set; must be safe to read from several threads.</param>
    /// <param name="builder">Makes samples of its rows.</param>
    /// <param name="options">How.</param>
    /// <param name="warn">Hears of every sample that is skipped, from a background thread.</param>
    /// <exception cref="NanoVlmException">The set is empty, or the start does not lie within it.</exception>
    public DataLoader(IReadOnlyList<RawSample> source, SampleBuilder builder, DataLoaderOptions options, Action<string>? warn = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Workers, 1);
        if (source.Count == 0)
            throw new NanoVlmException("The data set is empty; there is nothing to read.");
        if (options.Start.Epoch < 0 || options.Start.Index < 0 || options.Start.Index > source.Count)
            throw new NanoVlmException($"Reading cannot begin at sample {options.Start.Index} of epoch {options.Start.Epoch}: the data set has {source.Count}. Is it the set the run was started with?");
        (_source, _builder, _options, _warn) = (source, builder, options, warn);
        _inOrder = Channel.CreateBounded<Place>(4 * options.Workers);
        _running = Task.WhenAll([Task.Run(Order), Task.Run(Collate), .. Enumerable.Range(0, options.Workers).Select(_ => Task.Run(Prepare))]);
    }

    /// <summary>Samples skipped so far because they could not be read.</summary>
    public int Skipped => Volatile.Read(ref _skipped);

    /// <summary>The next batch, or null after the last epoch. The last batch may be short.</summary>
    /// <param name="cancellationToken">Stops the waiting; the loader can be read on.</param>
    /// <exception cref="NanoVlmException">Too many samples cannot be read; names the last and its fault.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Batch? Next(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        while (_batches.Reader.WaitToReadAsync(cancellationToken).AsTask().GetAwaiter().GetResult())
            if (_batches.Reader.TryRead(out var batch))
                return batch;
        return null;
    }

    /// <summary>Stops reading; when it returns, nothing runs any more.</summary>
    public void Dispose()
    {
        if (_stop.IsCancellationRequested)
            return;
        _stop.Cancel();
        ((IAsyncResult)_running).AsyncWaitHandle.WaitOne();
    }

    /// <summary>The order of an epoch: indices into the set.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="epoch">The epoch from 0.</param>
    /// <param name="count">Size of the set.</param>
    public static int[] Permutation(int seed, int epoch, int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
            order[i] = i;
        new RandomStream(seed, epoch).Shuffle(order.AsSpan());
        return order;
    }

    private async Task Order()
    {
        try
        {
            for (var (epoch, index) = _options.Start; epoch < (_options.Epochs ?? int.MaxValue); (epoch, index) = (epoch + 1, 0))
            {
                var order = _options.Shuffle ? Permutation(_options.Seed, epoch, _source.Count) : null;
                for (; index < _source.Count; index++)
                {
                    var after = index + 1 < _source.Count ? new LoaderPosition(epoch, index + 1) : new LoaderPosition(epoch + 1, 0);
                    var place = new Place(order is null ? index : order[index], after);
                    await _inOrder.Writer.WriteAsync(place, _stop.Token).ConfigureAwait(false);
                    _work.Writer.TryWrite(place);
                }
            }
        }
        catch (Exception end) when (end is OperationCanceledException or ChannelClosedException) { }
        finally
        {
            _work.Writer.TryComplete();
            _inOrder.Writer.TryComplete();
        }
    }

    private async Task Prepare()
    {
        try
        {
            await foreach (var place in _work.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
                try
                {
                    place.Result.SetResult((_builder.Build(_source[place.Index]), null));
                }
                catch (NanoVlmException fault)
                {
                    place.Result.SetResult((null, fault));
                }
                catch (Exception fault)
                {
                    place.Result.SetException(fault);
                }
        }
        catch (OperationCanceledException) { }
    }

    private async Task Collate()
    {
        Exception? fault = null;
        try
        {
            var samples = new List<Sample>(_options.BatchSize);
            var next = _options.Start;
            await foreach (var place in _inOrder.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                var (sample, unreadable) = await place.Result.Task.WaitAsync(_stop.Token).ConfigureAwait(false);
                _read++;
                next = place.After;
                if (sample is not null)
                    samples.Add(sample);
                else
                    Skip(unreadable!);
                if (samples.Count == _options.BatchSize)
                    await Emit().ConfigureAwait(false);
            }
            if (samples.Count > 0)
                await Emit().ConfigureAwait(false);

            async Task Emit()
            {
                await _batches.Writer.WriteAsync(Batch.Collate(samples, _builder.PadTokenId, _builder.TileSize, next), _stop.Token).ConfigureAwait(false);
                samples.Clear();
            }
        }
        catch (OperationCanceledException) { }
        catch (Exception error)
        {
            fault = error;
            _inOrder.Writer.TryComplete();
        }
        _batches.Writer.TryComplete(fault);
    }

    private void Skip(NanoVlmException fault)
    {
        var skipped = Interlocked.Increment(ref _skipped);
        var allowed = Math.Max(1, Math.Max(_read, _source.Count) / 100);
        if (skipped > allowed)
            throw new NanoVlmException($"{skipped} of {_read} samples cannot be read, more than the {allowed} that may be skipped. The last: {fault.Message}", fault);
        _warn?.Invoke($"skipped a sample: {fault.Message}");
    }
}
