using NanoVlm.Data;
using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Tests.Data;

public sealed class DataLoaderTests : IDisposable
{
    private const int Count = 37;

    private readonly TemporaryFolder _folder = new();
    private readonly RawSample[] _source;
    private readonly SampleBuilder _builder = SampleBuilderTests.Builder();

    public DataLoaderTests()
    {
        _source = new RawSample[Count];
        for (int i = 0; i < Count; i++)
        {
            var pixels = new byte[16 * 16 * 3];
            Array.Fill(pixels, (byte)i);
            string image = _folder.Write($"{i}.png", ImageCodec.EncodePng(new RgbImage(16, 16, pixels)));
            _source[i] = new RawSample($"set:{i}", [new StoredImage(image)], [.. Enumerable.Repeat(new Turn("How many objects are there?", $"{i % 5}"), 1 + i % 4)], []);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_batches_do_not_depend_on_the_number_of_workers()
    {
        var expected = Read(new DataLoaderOptions { BatchSize = 5, Seed = 1, Workers = 1 }, 20);
        AssertSame(expected, Read(new DataLoaderOptions { BatchSize = 5, Seed = 1, Workers = 3 }, 20));
        Assert.NotEqual(Origins(expected), Origins(Read(new DataLoaderOptions { BatchSize = 5, Seed = 2 }, 20)));
    }

    [Fact]
    public void Every_sample_comes_exactly_once_an_epoch_each_in_its_own_order()
    {
        var origins = Origins(Read(new DataLoaderOptions { BatchSize = 5, Seed = 1, Epochs = 3 }, int.MaxValue));
        Assert.Equal(3 * Count, origins.Count);
        var epochs = origins.Chunk(Count).ToArray();
        foreach (string[] epoch in epochs)
            Assert.Equal(_source.Select(raw => raw.Origin).Order(), epoch.Order());
        Assert.NotEqual(epochs[0], epochs[1]);
    }

    [Fact]
    public void Without_shuffling_the_order_is_the_sources()
    {
        var batches = Read(new DataLoaderOptions { BatchSize = 8, Shuffle = false, Epochs = 1 }, int.MaxValue);
        Assert.Equal(_source.Select(raw => raw.Origin), Origins(batches));
        Assert.Equal([8, 8, 8, 8, 5], batches.Select(batch => batch.Size));
    }

    [Fact]
    public void Reading_goes_on_exactly_where_a_position_says()
    {
        var options = new DataLoaderOptions { BatchSize = 5, Seed = 9 };
        var batches = Read(options, 24);
        foreach (int resume in new[] { 0, 6, 7, 14, 15 }) // around the ends of epochs too
            AssertSame(batches[(resume + 1)..], Read(options with { Start = batches[resume].Next }, 24 - resume - 1));
        Assert.Equal(new LoaderPosition(0, 5), batches[0].Next);
        Assert.Equal(new LoaderPosition(1, 3), batches[7].Next);
    }

    [Fact]
    public void Batches_are_padded_on_the_right_to_a_multiple_of_eight()
    {
        foreach (var batch in Read(new DataLoaderOptions { BatchSize = 6, Seed = 4 }, 8))
        {
            Assert.Equal(0, batch.Length % 8);
            Assert.Equal(batch.Size * batch.Length, batch.InputIds.Length);
            Assert.Equal((batch.Size, batch.Size * 3 * 16 * 16), (batch.Tiles, batch.Pixels.Length));
            int longest = 0, labels = 0;
            for (int row = 0; row < batch.Size; row++)
            {
                int index = int.Parse(batch.Origins[row].Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);
                var sample = _builder.Build(_source[index]);
                var at = row * batch.Length;
                int tokens = sample.InputIds.Length;
                Assert.Equal(sample.InputIds.Select(id => (long)id).Concat(Enumerable.Repeat((long)_builder.PadTokenId, batch.Length - tokens)), batch.InputIds[at..(at + batch.Length)]);
                Assert.Equal(sample.Labels.Select(id => (long)id).Concat(Enumerable.Repeat(-100L, batch.Length - tokens)), batch.Labels[at..(at + batch.Length)]);
                Assert.Equal(Enumerable.Repeat(1L, tokens).Concat(Enumerable.Repeat(0L, batch.Length - tokens)), batch.AttentionMask[at..(at + batch.Length)]);
                Assert.Equal(sample.Pixels, batch.Pixels[(row * 3 * 16 * 16)..((row + 1) * 3 * 16 * 16)]);
                longest = Math.Max(longest, tokens);
                labels += sample.Labels.Count(label => label != -100);
            }
            Assert.InRange(batch.Length - longest, 0, 7);
            Assert.Equal(labels, batch.LabelCount);
        }
    }

    [Fact]
    public void A_corrupt_image_is_skipped_named_and_counted()
    {
        Corrupt(11);
        var warnings = new List<string>();
        using var loader = new DataLoader(_source, _builder, new DataLoaderOptions { BatchSize = 4, Epochs = 1 }, warnings.Add);
        var origins = new List<string>();
        while (loader.Next() is { } batch)
            origins.AddRange(batch.Origins);
        Assert.Equal(_source.Select(raw => raw.Origin).Except(["set:11"]).Order(), origins.Order());
        Assert.Equal(1, loader.Skipped);
        var warning = Assert.Single(warnings);
        Assert.Contains("set:11", warning);
        Assert.Contains("11.png", warning);
    }

    [Fact]
    public void Too_many_corrupt_images_stop_with_the_name_of_the_last()
    {
        Corrupt(4);
        Corrupt(29);
        using var loader = new DataLoader(_source, _builder, new DataLoaderOptions { BatchSize = 4, Shuffle = false, Epochs = 1 });
        var e = Assert.Throws<NanoVlmException>(() =>
        {
            while (loader.Next() is not null) { }
        });
        Assert.Contains("2 of 30 samples", e.Message);
        Assert.Contains("29.png", e.Message);
    }

    [Fact]
    public async Task Disposing_waits_until_no_worker_is_at_work()
    {
        using var gate = new ManualResetEventSlim();
        using var entered = new CountdownEvent(3);
        int inside = 0, reads = 0;
        var source = new Watched(_source, () =>
        {
            Interlocked.Increment(ref inside);
            if (Interlocked.Increment(ref reads) <= 3)
                entered.Signal();
            gate.Wait();
            Interlocked.Decrement(ref inside);
        });
        var loader = new DataLoader(source, _builder, new DataLoaderOptions { BatchSize = 4, Workers = 3 });
        entered.Wait();
        var disposing = Task.Run(() =>
        {
            loader.Dispose();
            return (Volatile.Read(ref inside), Volatile.Read(ref reads));
        });
        gate.Set();
        var (left, read) = await disposing;
        Assert.Equal(0, left);
        Assert.Equal(read, Volatile.Read(ref reads));
        Assert.Throws<ObjectDisposedException>(() => loader.Next());
        loader.Dispose();
    }

    [Fact]
    public void A_cancelled_wait_ends_and_the_loader_reads_on()
    {
        using var loader = new DataLoader(_source, _builder, new DataLoaderOptions { BatchSize = 4, Shuffle = false });
        Assert.ThrowsAny<OperationCanceledException>(() => loader.Next(new CancellationToken(true)));
        Assert.Equal("set:0", loader.Next()!.Origins[0]);
    }

    [Fact]
    public void An_empty_set_and_a_start_outside_it_are_refused()
    {
        Assert.Contains("empty", Assert.Throws<NanoVlmException>(() => new DataLoader([], _builder, new DataLoaderOptions())).Message);
        var e = Assert.Throws<NanoVlmException>(() => new DataLoader(_source, _builder, new DataLoaderOptions { Start = new LoaderPosition(0, Count + 1) }));
        Assert.Contains("sample 38 of epoch 0", e.Message);
    }

    private void Corrupt(int index)
    {
        byte[] whole = File.ReadAllBytes(_source[index].Images[0].Name);
        File.WriteAllBytes(_source[index].Images[0].Name, whole[..(whole.Length / 2)]);
    }

    private List<Batch> Read(DataLoaderOptions options, int most)
    {
        using var loader = new DataLoader(_source, _builder, options);
        var batches = new List<Batch>();
        while (batches.Count < most && loader.Next() is { } batch)
            batches.Add(batch);
        return batches;
    }

    private static List<string> Origins(IEnumerable<Batch> batches) => [.. batches.SelectMany(batch => batch.Origins)];

    private static void AssertSame(List<Batch> expected, List<Batch> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (a, b) in expected.Zip(actual))
        {
            Assert.Equal(a.Origins, b.Origins);
            Assert.Equal(a.InputIds, b.InputIds);
            Assert.Equal(a.Labels, b.Labels);
            Assert.Equal(a.AttentionMask, b.AttentionMask);
            Assert.Equal(a.Pixels, b.Pixels);
            Assert.Equal(a.Next, b.Next);
        }
    }

    private sealed class Watched(IReadOnlyList<RawSample> inner, Action reading) : IReadOnlyList<RawSample>
    {
        public int Count => inner.Count;

        public RawSample this[int index]
        {
            get
            {
                reading();
                return inner[index];
            }
        }

        public IEnumerator<RawSample> GetEnumerator() => inner.GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
