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
            var order = DataLoader.Permutation(seed, epoch, count);
            Assert.Equal(Enumerable.Range(0, count), order.Order());
            Assert.Equal(order, DataLoader.Permutation(seed, epoch, count));
            if (count > 30)
            {
                Assert.NotEqual(order, DataLoader.Permutation(seed, epoch + 1, count));
                Assert.NotEqual(order, DataLoader.Permutation(seed + 1, epoch, count));
            }
        }).QuickCheckThrowOnFailure();

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
