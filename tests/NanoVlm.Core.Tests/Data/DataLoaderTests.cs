using System.Text.Json;
using NanoVlm.Data;
using NanoVlm.Data.Sources;
using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Tests.Data;

public sealed class DataLoaderTests : IDisposable
{
    private const int Count = 37;

    private readonly TemporaryFolder _folder = new();
    private readonly Rows _source;
    private readonly SampleBuilder _builder = SampleBuilderTests.Builder();

    public DataLoaderTests()
    {
        var rows = new RawSample[Count];
        for (int i = 0; i < Count; i++)
        {
            var pixels = new byte[16 * 16 * 3];
            Array.Fill(pixels, (byte)i);
            string image = _folder.Write($"{i}.png", ImageCodec.EncodePng(new RgbImage(16, 16, pixels)));
            rows[i] = new RawSample($"set:{i}", [new StoredImage(image)], [.. Enumerable.Repeat(new Turn("How many objects are there?", $"{i % 5}"), 1 + i % 4)], []);
        }
        _source = new Rows(rows, "set");
    }

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Assemblies => ["in order", "buckets", "packed"];

    [Theory, MemberData(nameof(Assemblies))]
    public void The_batches_do_not_depend_on_the_number_of_workers(string assembly)
    {
        var expected = Read(Options(assembly) with { Workers = 1 }, 20);
        AssertSame(expected, Read(Options(assembly) with { Workers = 3 }, 20));
        Assert.NotEqual(Origins(expected), Origins(Read(Options(assembly), 20, seed: 2)));
    }

    [Theory, MemberData(nameof(Assemblies))]
    public void Every_sample_comes_exactly_once_an_epoch_each_in_its_own_order(string assembly)
    {
        var options = Options(assembly) with { Epochs = 1 };
        var origins = Origins(Read(options, int.MaxValue));
        Assert.Equal(_source.Select(raw => raw.Origin).Order(), origins.Order());
        var three = Origins(Read(options with { Epochs = 3 }, int.MaxValue));
        Assert.All(_source, raw => Assert.Equal(3, three.Count(origin => origin == raw.Origin)));
        Assert.NotEqual(origins, three[Count..(2 * Count)]);
    }

    [Fact]
    public void Without_shuffling_the_order_is_the_sources()
    {
        using var loader = new DataLoader(new SampleMix([(_source, 1)], 0, shuffle: false), _builder, new DataLoaderOptions { BatchSize = 8, Epochs = 1 });
        var batches = All(loader);
        Assert.Equal(_source.Select(raw => raw.Origin), Origins(batches));
        Assert.Equal([8, 8, 8, 8, 5], batches.Select(batch => batch.Size));
    }

    // Stored as JSON and read by a new loader with other workers; epochs end on the way.
    [Theory, MemberData(nameof(Assemblies))]
    public void Reading_goes_on_with_the_very_next_batch_wherever_it_stopped(string assembly)
    {
        var options = Options(assembly);
        var batches = Read(options, 60);
        var random = new Random(3);
        for (int i = 0; i < 50; i++)
        {
            int stop = random.Next(40);
            var state = JsonSerializer.Deserialize<LoaderState>(JsonSerializer.Serialize(batches[stop].State))!;
            AssertSame(batches[(stop + 1)..(stop + 21)], Read(options with { Start = state, Workers = 1 + i % 3 }, 20));
        }
    }

    [Fact]
    public void Four_ranks_share_an_epoch_without_overlap_or_omission()
    {
        foreach (int epoch in new[] { 1, 3 })
        {
            var origins = Enumerable.Range(0, 4).SelectMany(rank => Origins(Read(Options("in order") with { Rank = rank, WorldSize = 4, Epochs = epoch }, int.MaxValue))).ToArray();
            Assert.Equal(epoch * Count, origins.Length);
            Assert.All(_source, raw => Assert.Equal(epoch, origins.Count(origin => origin == raw.Origin)));
        }
    }

    [Fact]
    public void Sources_come_by_weight_spread_evenly_and_one_that_begins_again_is_told()
    {
        var small = new Rows([.. _source.Take(5).Select((raw, i) => raw with { Origin = $"small:{i}" })], "small");
        var mix = new SampleMix([(_source, 1), (small, 3)], 1);
        Assert.Equal(Count + 15, mix.EpochLength);
        var warnings = new List<string>();
        using var loader = new DataLoader(mix, _builder, new DataLoaderOptions { BatchSize = 4, Epochs = 1 }, warnings.Add);
        var origins = Origins(All(loader));
        Assert.All(small, raw => Assert.Equal(3, origins.Count(origin => origin == raw.Origin)));
        Assert.All(_source, raw => Assert.Equal(1, origins.Count(origin => origin == raw.Origin)));
        foreach (var stretch in origins.Chunk(13).Take(4)) // a quarter of the epoch has a quarter of each
            Assert.InRange(stretch.Count(origin => origin.StartsWith("small", StringComparison.Ordinal)), 3, 5);
        Assert.Equal(1, warnings.Count(warning => warning.Contains("small begins again: all its 5 samples", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_is_dropped_is_counted_by_reason_and_not_warned_of()
    {
        var warnings = new List<string>();
        var limited = new SampleBuilder(SampleBuilderTests.Tokenizer, new ImageProcessor(new ImageProcessorConfig { TileSize = 16, MaxSide = 32, Split = false }), 4, new SampleOptions { MaxTokens = 40 });
        using var loader = new DataLoader(new SampleMix([(_source, 1)], 1), limited, new DataLoaderOptions { BatchSize = 4, Epochs = 1 }, warnings.Add);
        var batches = All(loader);
        var counts = loader.Counts;
        Assert.Empty(warnings);
        Assert.Equal((DropReason.TooLong, Count - Origins(batches).Count), (Assert.Single(counts.Dropped).Key, (int)counts.Dropped[DropReason.TooLong]));
        Assert.Equal(Count, counts.Read);
        Assert.InRange(Origins(batches).Count, 1, Count - 1);
    }

    [Fact]
    public void Batches_are_padded_on_the_right_to_a_multiple_of_eight()
    {
        foreach (var batch in Read(new DataLoaderOptions { BatchSize = 6 }, 8))
        {
            Assert.Equal(0, batch.Length % 8);
            Assert.Equal(batch.Size * batch.Length, batch.InputIds.Length);
            Assert.Equal((batch.Size, batch.Size * 3 * 16 * 16), (batch.Tiles, batch.Pixels.Length));
            int longest = 0, labels = 0;
            for (int row = 0; row < batch.Size; row++)
            {
                int index = int.Parse(batch.Rows[row][0].Origin.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);
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
        using var loader = new DataLoader(new SampleMix([(_source, 1)], 0), _builder, new DataLoaderOptions { BatchSize = 4, Epochs = 1 }, warnings.Add);
        var batches = All(loader);
        var origins = Origins(batches);
        Assert.Equal(_source.Select(raw => raw.Origin).Except(["set:11"]).Order(), origins.Order());
        Assert.Equal(1, batches[^1].State!.Counts.Skipped);
        var warning = Assert.Single(warnings);
        Assert.Contains("set:11", warning);
        Assert.Contains("11.png", warning);
    }

    [Fact]
    public void Too_many_corrupt_images_stop_with_the_name_of_the_last()
    {
        Corrupt(4);
        Corrupt(29);
        using var loader = new DataLoader(new SampleMix([(_source, 1)], 0, shuffle: false), _builder, new DataLoaderOptions { BatchSize = 4, Epochs = 1 });
        var e = Assert.Throws<NanoVlmException>(() =>
        {
            while (loader.Next() is not null) { }
        });
        Assert.Matches(@"^2 of 3\d samples cannot be read, more than the 1 that may be skipped \(data\.max_skipped\)\. Most are in set \(2\)\. The last: set:29: .*29\.png", e.Message);
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
        var loader = new DataLoader(new SampleMix([(source, 1)], 0), _builder, new DataLoaderOptions { BatchSize = 4, Workers = 3 });
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
        using var loader = new DataLoader(new SampleMix([(_source, 1)], 0, shuffle: false), _builder, new DataLoaderOptions { BatchSize = 4 });
        Assert.ThrowsAny<OperationCanceledException>(() => loader.Next(new CancellationToken(true)));
        Assert.Equal("set:0", loader.Next()!.Rows[0][0].Origin);
    }

    [Fact]
    public void An_empty_set_and_a_state_of_another_are_refused()
    {
        Assert.Contains("nothing: the data set is empty", Assert.Throws<NanoVlmException>(() => new SampleMix([(new Rows([], "nothing"), 1)], 0)).Message);
        var state = Read(Options("in order"), 1)[0].State;
        var smaller = new SampleMix([(new Rows([.. _source.Take(5)], "smaller"), 1)], 0);
        Assert.Contains("then the sources had 37 rows, now 5", Assert.Throws<NanoVlmException>(() => new DataLoader(smaller, _builder, new DataLoaderOptions { Start = state })).Message);
    }

    [Fact]
    public void A_state_of_another_order_is_refused()
    {
        var state = Read(Options("packed"), 1)[0].State;
        foreach (var changed in new[] { Options("packed") with { Seed = 2 }, Options("in order") })
            Assert.Contains("Only the number of workers may change", Assert.Throws<NanoVlmException>(() => Read(changed with { Start = state }, 1)).Message);
        Assert.Contains("Only the number of workers", Assert.Throws<NanoVlmException>(() => Read(Options("packed") with { Start = state }, 1, seed: 7)).Message);
        Assert.Contains("rank 0 of 1, now it is rank 0 of 2", Assert.Throws<NanoVlmException>(() => Read(Options("packed") with { Start = state, WorldSize = 2 }, 1)).Message);
    }

    [Theory]
    [InlineData("in order")]
    [InlineData("buckets")]
    [InlineData("packed")]
    public void Another_number_of_ranks_goes_on_without_losing_or_repeating_a_sample(string how)
    {
        var small = new Rows([.. _source.Take(5).Select((raw, i) => raw with { Origin = $"small:{i}" })], "small");
        var mix = new SampleMix([(_source, 1), (small, 2)], 1);
        foreach (var (before, after) in new[] { (1, 3), (3, 1), (2, 4), (4, 3), (2, 2) })
        {
            var seen = new List<string>();
            var states = new List<LoaderState>();
            for (var rank = 0; rank < before; rank++)
            {
                // Ranks stop after as many batches; packed ones have read more or less by then.
                using var loader = new DataLoader(mix, _builder, Options(how) with { BatchSize = 2, Rank = rank, WorldSize = before, Epochs = 2 });
                Batch[] read = [.. Enumerable.Range(0, 2).Select(_ => loader.Next()!)];
                seen.AddRange(Origins(read));
                states.Add(read[^1].State!);
            }
            for (var rank = 0; rank < after; rank++)
            {
                using var loader = new DataLoader(mix, _builder, Options(how) with { BatchSize = 2, Rank = rank, WorldSize = after, Epochs = 2, Start = LoaderState.Share(states, mix, rank, after) });
                seen.AddRange(Origins(All(loader)));
            }
            Assert.All(_source, raw => Assert.Equal(2, seen.Count(origin => origin == raw.Origin)));
            Assert.All(small, raw => Assert.Equal(4, seen.Count(origin => origin == raw.Origin)));
        }
    }

    [Fact]
    public void A_set_of_which_nothing_can_be_used_ends_with_why()
    {
        var strict = new SampleBuilder(SampleBuilderTests.Tokenizer, new ImageProcessor(new ImageProcessorConfig { TileSize = 16, MaxSide = 32, Split = false }), 4, new SampleOptions { MaxTokens = 6 });
        using var loader = new DataLoader(new SampleMix([(_source, 1)], 1), strict, new DataLoaderOptions { BatchSize = 4 });
        Assert.Contains("None of the last 37 samples can be used: 37 too long", Assert.Throws<NanoVlmException>(() => loader.Next()).Message);
    }

    [Fact]
    public void A_sample_larger_than_a_row_is_dropped_and_counted()
    {
        using var loader = new DataLoader(new SampleMix([(_source, 1)], 1), _builder, new DataLoaderOptions { BatchSize = 4, Epochs = 1, Packing = new(40, 4, 8) });
        var used = Origins(All(loader)).Count;
        Assert.InRange(used, 1, Count - 1);
        Assert.Equal(Count - used, loader.Counts.Dropped[DropReason.TooLong]);
        var independent = SampleBuilderTests.Builder(independentTurns: true);
        Assert.Throws<ArgumentException>(() => new DataLoader(new SampleMix([(_source, 1)], 1), independent, new DataLoaderOptions { Packing = new(40, 4, 8) }));
    }

    [Fact]
    public void No_share_of_unreadable_samples_is_none_at_all()
    {
        Corrupt(4);
        using var loader = new DataLoader(new SampleMix([(_source, 1)], 0), _builder, new DataLoaderOptions { BatchSize = 4, Epochs = 1, MaxSkipped = 0 });
        Assert.Contains("more than the 0 that may be skipped", Assert.Throws<NanoVlmException>(() => All(loader)).Message);
    }

    [Fact]
    public void A_failure_that_nobody_foresaw_ends_the_reading_and_names_the_row()
    {
        var broken = new Watched(_source, () => throw new NotSupportedException("of its own"));
        using var loader = new DataLoader(new SampleMix([(broken, 1)], 0, shuffle: false), _builder, new DataLoaderOptions { BatchSize = 4 });
        Assert.Contains("watched, row 0 of the set: of its own", Assert.Throws<InvalidOperationException>(() => loader.Next()).Message);
    }

    [Fact]
    public void Weights_that_make_no_epoch_are_refused() =>
        Assert.Contains("make an epoch of no sample: set 0.001; raise them", Assert.Throws<NanoVlmException>(() => new SampleMix([(_source, 0.001)], 0)).Message);

    private static DataLoaderOptions Options(string assembly) => new()
    {
        BatchSize = 3,
        Seed = 1,
        Packing = assembly == "packed" ? new PackingOptions(160, 5, 8) : null,
        BucketWindow = assembly == "buckets" ? 10 : 1,
    };

    private void Corrupt(int index)
    {
        byte[] whole = File.ReadAllBytes(_source[index].Images[0].Name);
        File.WriteAllBytes(_source[index].Images[0].Name, whole[..(whole.Length / 2)]);
    }

    private List<Batch> Read(DataLoaderOptions options, int most, int seed = 1)
    {
        using var loader = new DataLoader(new SampleMix([(_source, 1)], seed), _builder, options);
        return All(loader, most);
    }

    private static List<Batch> All(DataLoader loader, int most = int.MaxValue)
    {
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
            Assert.Equal(JsonSerializer.Serialize(a.State), JsonSerializer.Serialize(b.State));
        }
    }

    private class Rows(RawSample[] rows, string name) : SampleSource
    {
        public override string Name => name;

        public override int Count => rows.Length;

        public override RawSample this[int index] => rows[index];

        public override void Dispose()
        {
        }
    }

    private sealed class Watched(Rows inner, Action reading) : Rows([.. inner], "watched")
    {
        public override RawSample this[int index]
        {
            get
            {
                reading();
                return base[index];
            }
        }
    }
}
