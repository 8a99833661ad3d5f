using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Data;

namespace NanoVlm.Tests.Data;

public sealed class RandomStreamTests
{
    [Fact]
    public void An_epochs_order_holds_every_index_once_and_depends_on_seed_and_epoch() =>
        Prop.ForAll<int, byte, ushort>((seed, epoch, count) =>
        {
            var order = Permutation(seed, epoch, count);
            Assert.Equal(Enumerable.Range(0, count), order.Order());
            Assert.Equal(order, Permutation(seed, epoch, count));
            if (count > 30)
            {
                Assert.NotEqual(order, Permutation(seed, epoch + 1, count));
                Assert.NotEqual(order, Permutation(seed + 1, epoch, count));
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Rows_that_are_read_together_stay_together_and_each_comes_once() =>
        Prop.ForAll<int, PositiveInt[], PositiveInt>((seed, sizes, window) =>
        {
            var groups = sizes.Select(size => size.Get % 50 + 1).ToArray();
            var order = SampleOrder.Of(groups.Sum(), groups, window.Get, new RandomStream(seed));
            Assert.Equal(Enumerable.Range(0, groups.Sum()), order.Order());
            var groupOf = groups.SelectMany((size, group) => Enumerable.Repeat(group, size)).ToArray();
            // A window has rows of no more groups than it can touch.
            foreach (var stretch in order.Chunk(window.Get))
                Assert.True(stretch.Select(row => groupOf[row]).Distinct().Count() <= 2 + stretch.Length / groups.Min());
        }).QuickCheckThrowOnFailure();

    private static int[] Permutation(int seed, int epoch, int count) => SampleOrder.Of(count, null, 1, new RandomStream(seed, epoch));

    [Fact]
    public void Numbers_below_a_bound_are_even()
    {
        var counts = new int[7];
        var random = new RandomStream(5, 6);
        for (int i = 0; i < 70_000; i++)
            counts[random.Below(7)]++;
        Assert.All(counts, count => Assert.InRange(count, 9_500, 10_500));
    }

    [Fact]
    public void Neighbouring_streams_have_nothing_in_common()
    {
        var ones = 0;
        for (int i = 0; i < 1000; i++)
            ones += System.Numerics.BitOperations.PopCount(new RandomStream(0, 0, i).Next() ^ new RandomStream(0, 0, i + 1).Next());
        Assert.InRange(ones, 31_000, 33_000);
    }
}
