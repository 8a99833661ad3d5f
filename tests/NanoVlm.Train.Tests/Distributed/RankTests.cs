using System.Net;
using System.Net.Sockets;
using NanoVlm.Training.Distributed;

namespace NanoVlm.Training.Tests.Distributed;

public sealed class RankTests : RankProcesses
{
    [RanksTheory]
    [InlineData("collectives+sums+gradients+shards", 3)]
    [InlineData("gradients+accumulation+text-only+shards", 2)]
    [InlineData("busy", 2)]
    public async Task All_ranks_come_to_the_right_result(string scenario, int size)
    {
        foreach (var (code, said) in await Play(scenario, size)) Assert.True(code == 0, said);
    }

    [RanksTheory]
    [InlineData("diverged", "Rank 2 has other weights after step 2: diverged, first in matrix")]
    [InlineData("disagreeing", "Rank 2 has another configuration")]
    public async Task A_rank_that_is_unlike_the_others_is_named_by_all(string scenario, string named)
    {
        foreach (var (code, said) in await Play(scenario, 3))
        {
            Assert.Equal(1, code);
            Assert.Contains(named, said);
        }
    }

    [RanksFact]
    public async Task A_rank_that_never_comes_is_named()
    {
        using var store = new TcpStoreServer(IPAddress.Loopback, 0);
        var (code, said) = await End(Start(0, 3, store.Port, "sums", "--join", "2"));
        Assert.Equal(1, code);
        Assert.Contains("Ranks 1, 2 of 3 did not come", said);
    }

    [RanksFact]
    public async Task Two_processes_with_one_number_are_refused()
    {
        using var store = new TcpStoreServer(IPAddress.Loopback, 0);
        var results = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => End(Start(1, 2, store.Port, "sums", "--join", "5"))));
        Assert.Single(results, result => result.Said.Contains("Two processes have RANK=1", StringComparison.Ordinal));
    }

    [RanksFact]
    public async Task Rank_0_serves_where_the_launcher_does_not()
    {
        // The port is free now; should another process take it before rank 0 does, rank 0 says so and another is tried.
        for (var attempt = 0; ; attempt++)
        {
            using var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            var port = ((IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
            var results = await Task.WhenAll(Enumerable.Range(0, 2).Select(rank => End(Start(rank, 2, port, "sums", served: false))));
            if (results[0].Said.Contains("cannot listen", StringComparison.Ordinal) && attempt < 5) continue;
            foreach (var (code, said) in results) Assert.True(code == 0, said);
            return;
        }
    }
}
