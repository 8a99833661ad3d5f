using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Bench;
using NanoVlm.Data.Packing;
using Document = (int Tokens, int Images);

namespace NanoVlm.Tests.Data.Packing;

/// <summary>Which samples share a row.</summary>
public sealed class RowAssemblerTests
{
    private const int Budget = 1024;
    private const int MaxImages = 6;

    private static readonly Document[] _mix = [.. LengthMix.Make(seed: 3, 3000).Where(item => item.Tokens <= Budget && item.Images <= MaxImages)];

    public static TheoryData<string> Kinds => ["packer", "buckets", "in order"];

    [Theory, MemberData(nameof(Kinds))]
    public void Stopped_at_any_place_and_made_anew_it_goes_on_as_if_it_had_not_been(string kind)
    {
        var expected = Rows(kind, _mix);
        var random = new Random(1);
        for (int stop = 0; stop < 50; stop++)
        {
            var (first, rows) = (Make(kind, 0), new List<int[]>());
            int added = 0;
            for (int stopAt = random.Next(expected.Count); rows.Count < stopAt; rows.Add(Next(first, ref added))) { }
            if (random.Next(2) == 0) // one that reads ahead has more of them waiting
                for (int more = random.Next(100); more > 0 && added < _mix.Length; more--) Add(first, added++);
            var second = Make(kind, first.Rows);
            foreach (int item in first.Pending) Add(second, item);
            while (rows.Count < expected.Count) rows.Add(Next(second, ref added));
            Assert.Equal(expected, rows);
            Assert.Empty(second.Pending);
            Assert.Equal(expected.Count, second.Rows);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_item_is_in_one_row_and_no_row_holds_more_than_it_may(string kind) => Prop.ForAll(Mixes().ToArbitrary(), mix =>
    {
        var rows = Rows(kind, mix);
        Assert.Equal(Enumerable.Range(0, mix.Length), rows.SelectMany(row => row).Order());
        Assert.All(rows, row => Assert.True(row.Sum(item => mix[item].Tokens) <= Budget && row.Sum(item => mix[item].Images) <= MaxImages));
    }).QuickCheckThrowOnFailure();

    [Theory, MemberData(nameof(Kinds))]
    public void How_far_ahead_items_are_added_changes_no_row(string kind)
    {
        var assembler = Make(kind, 0);
        for (int i = 0; i < _mix.Length; i++) Add(assembler, i);
        assembler.Finish();
        var rows = new List<int[]>();
        while (assembler.TryTake(out var row)) rows.Add([.. row]);
        Assert.Equal(Rows(kind, _mix), rows);
    }

    [Fact]
    public void A_row_of_a_packer_begins_with_the_oldest_and_goes_on_with_the_longest_that_fits()
    {
        var packer = new RowPacker<string>(100, maxImages: 3, window: 6, seed: 0);
        foreach (var (name, tokens, images) in new[] { ("a", 30, 1), ("b", 80, 0), ("c", 60, 3), ("d", 40, 1), ("e", 30, 2), ("f", 25, 1) })
        {
            Assert.False(packer.TryTake(out _));
            packer.Add(name, tokens, images);
        }
        Assert.True(packer.TryTake(out var row));
        Assert.Equal(["a", "d", "f"], row.Order()); // b is too long, c has too many images, e too with d
        Assert.Equal(["b", "c", "e"], packer.Pending);
        Assert.False(packer.TryTake(out _));
        packer.Finish();
        Assert.True(packer.TryTake(out row));
        Assert.Equal(["b"], row);
    }

    [Fact]
    public void Nothing_waits_longer_than_there_are_items_before_it()
    {
        var packer = new RowPacker<int>(100, 10, window: 8, seed: 0);
        var rows = new List<int[]>();
        for (int i = 0; i < 400; i++)
        {
            packer.Add(i, i == 0 || i % 7 != 0 ? 50 : 51, 0); // one of 51 is the best for no row
            while (packer.TryTake(out var row)) rows.Add([.. row]);
        }
        Assert.All(packer.Pending, item => Assert.True(item >= 400 - 8));
    }

    [Fact]
    public void The_order_within_rows_is_the_seeds()
    {
        var orders = new[] { 1, 1, 2 }.Select(seed =>
        {
            var packer = new RowPacker<int>(Budget, MaxImages, 64, seed);
            for (int i = 0; i < _mix.Length; i++) packer.Add(i, _mix[i].Tokens, _mix[i].Images);
            var rows = new List<int[]>();
            while (packer.TryTake(out var row)) rows.Add([.. row]);
            return rows;
        }).ToArray();
        Assert.Equal(orders[0], orders[1]);
        Assert.NotEqual(orders[0], orders[2]);
        Assert.Equal(orders[0].Select(row => row.Order()), orders[2].Select(row => row.Order()));
        int oldestFirst = orders[0].Count(row => row[0] == row.Min());
        Assert.True(oldestFirst < orders[0].Count * 0.7, $"{oldestFirst} of {orders[0].Count} rows begin with their oldest item");
    }

    [Fact]
    public void The_rows_of_a_bucketed_batch_are_about_as_long_as_each_other()
    {
        const int size = 8;
        var rows = Rows("buckets", _mix);
        int Padded(IEnumerable<Document> items) => items.Chunk(size).Sum(batch => batch.Length * batch.Max(item => item.Tokens));
        int tokens = _mix.Sum(item => item.Tokens), bucketed = Padded(rows.Select(row => _mix[row[0]])), plain = Padded(_mix);
        Assert.True(tokens > 0.9 * bucketed, $"{tokens} tokens in {bucketed} places");
        Assert.True(tokens < 0.6 * plain, $"{tokens} tokens in {plain} places");
        var means = rows.Chunk(size).Take(8).Select(batch => batch.Average(row => _mix[row[0]].Tokens)).ToArray();
        Assert.NotEqual(means.Order(), means); // the batches of a window are shuffled
    }

    [Fact]
    public void What_no_row_has_room_for_is_refused()
    {
        var packer = new RowPacker<int>(100, maxImages: 2, window: 4, seed: 0);
        Assert.Contains("101 tokens; a row has 100", Assert.Throws<ArgumentException>(() => packer.Add(0, 101, 0)).Message);
        Assert.Contains("3 images; a row has 2", Assert.Throws<ArgumentException>(() => packer.Add(0, 100, 3)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => packer.Add(0, 0, 0));
        packer.Add(0, 100, 2);
        packer.Finish();
        Assert.Throws<InvalidOperationException>(() => packer.Add(1, 1, 0));
    }

    [Theory, InlineData(1024), InlineData(4096)]
    public void Rows_are_at_least_97_percent_full_where_the_lengths_are_as_in_visual_instructions(int budget)
    {
        var mix = LengthMix.Make(seed: 0, 20_000).Where(item => item.Tokens <= budget).ToArray();
        var packer = new RowPacker<int>(budget, maxImages: 18, window: 256, seed: 0);
        long tokens = 0;
        for (int i = 0; i < mix.Length; i++)
        {
            packer.Add(i, mix[i].Tokens, mix[i].Images);
            while (packer.TryTake(out var row)) tokens += row.Sum(item => (long)mix[item].Tokens);
        }
        double efficiency = (double)tokens / (packer.Rows * budget);
        Assert.True(efficiency >= 0.97, $"{efficiency:P2} of {packer.Rows} rows");
    }

    private static List<int[]> Rows(string kind, Document[] mix)
    {
        var assembler = Make(kind, 0);
        var rows = new List<int[]>();
        for (int i = 0; i < mix.Length; i++)
        {
            assembler.Add(i, mix[i].Tokens, mix[i].Images);
            while (assembler.TryTake(out var row)) rows.Add([.. row]);
        }
        assembler.Finish();
        while (assembler.TryTake(out var row)) rows.Add([.. row]);
        return rows;
    }

    private static int[] Next(RowAssembler<int> assembler, ref int added)
    {
        IReadOnlyList<int> row;
        while (!assembler.TryTake(out row))
            if (added < _mix.Length) Add(assembler, added++);
            else assembler.Finish();
        return [.. row];
    }

    private static void Add(RowAssembler<int> assembler, int item) => assembler.Add(item, _mix[item].Tokens, _mix[item].Images);

    private static RowAssembler<int> Make(string kind, long rows) => kind switch
    {
        "packer" => new RowPacker<int>(Budget, MaxImages, window: 64, seed: 5, rows),
        "buckets" => new LengthBuckets<int>(batchSize: 8, window: 100, seed: 5, rows),
        _ => new InOrder<int>(rows),
    };

    private static Gen<Document[]> Mixes() => Gen.Choose(1, Budget).Zip(Gen.Choose(0, MaxImages)).Select(pair => (pair.Item1, pair.Item2)).ArrayOf();
}
