using System.Diagnostics;

namespace NanoVlm.Training.Tests.Distributed;

public sealed class LostRankTests : RankProcesses
{
    [RanksTheory]
    [InlineData("killed", 3, 1, "Rank 1 died or froze")]
    [InlineData("first-killed", 2, 0, "Rank 0 died or froze")]
    [InlineData("frozen", 2, 1, "Rank 1 died or froze")]
    [InlineData("first-frozen", 2, 0, "Rank 0 died or froze")]
    [InlineData("hanging", 3, 1, "Rank 1 hangs: ")]
    [InlineData("failing", 3, 1, "Rank 1 failed: the data of step 5 is gone")]
    public async Task A_rank_that_is_lost_is_named_by_all_others(string scenario, int size, int lost, string named)
    {
        var watch = Stopwatch.StartNew();
        var results = await Play(scenario, size, except: lost);
        for (var rank = 0; rank < size; rank++)
        {
            if (rank == lost) continue;
            Assert.Equal(1, results[rank].Code);
            Assert.Contains(named, results[rank].Said);
        }
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"It took {watch.Elapsed}.");
    }
}
