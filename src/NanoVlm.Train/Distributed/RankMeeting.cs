using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Where ranks find each other and leave together: the store at MASTER_ADDR and MASTER_PORT, which rank 0 serves unless the launcher does.
/// </summary>
internal sealed class RankMeeting : IDisposable
{
    private readonly RankEnvironment place;
    private readonly RankTimes times;
    private readonly TcpStoreServer? server;

    /// <summary>Comes, and waits for the others.</summary>
    /// <param name="place">This process's place.</param>
    /// <param name="times">How long to wait.</param>
    /// <exception cref="NanoVlmException">The store is out of reach, a rank did not come, or ranks do not agree who they are.</exception>
    internal RankMeeting(RankEnvironment place, RankTimes times)
    {
        (this.place, this.times) = (place, times);
        if (place.Rank == 0 && !place.LauncherServes) server = Serve();
        try
        {
            Store = Connect();
            Meet();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The store.</summary>
    internal TcpStore Store { get; } = null!;

    /// <summary>Another connection to the store, for those whom a wait on the first must not keep.</summary>
    internal TcpStore Connect()
    {
        try
        {
            return new TcpStore(place.MasterAddress, place.MasterPort, times.Join, $"nanovlm/{place.Attempt}/");
        }
        catch (IOException error)
        {
            var serves = place.LauncherServes ? "the launcher" : "rank 0";
            var where = $"{serves} at {Place} (MASTER_ADDR, MASTER_PORT)";
            throw new NanoVlmException($"Rank {place.Rank} cannot reach {where} within {Seconds(times.Join)}: {error.Message}", error);
        }
    }

    /// <summary>Says that this rank goes. The process that serves waits until the others have read all they want.</summary>
    internal void Leave()
    {
        try
        {
            Store.Set($"left/{place.Rank}", "");
            if (server is null) return;
            for (var patience = Stopwatch.StartNew(); patience.Elapsed < times.Death && !AllHaveLeft();) Thread.Sleep(20);
        }
        catch (IOException)
        {
            // Rank 0 has gone before.
        }

        bool AllHaveLeft() => Enumerable.Range(1, place.WorldSize - 1).All(rank => Store.Get($"left/{rank}") is not null);
    }

    /// <summary>Disconnects; a server stops serving.</summary>
    public void Dispose()
    {
        Store?.Dispose();
        server?.Dispose();
    }

    private string Place => $"{place.MasterAddress}:{place.MasterPort}";

    private TcpStoreServer Serve()
    {
        try
        {
            // MASTER_ADDR may be a name that only the others know this machine by, so all addresses are listened at, unless nobody comes
            // from outside.
            var inside = IPAddress.TryParse(place.MasterAddress, out var address) && IPAddress.IsLoopback(address);
            return new TcpStoreServer(inside && place.OneMachine == true ? address : null, place.MasterPort);
        }
        catch (IOException error)
        {
            const string perhaps = "Another run may use MASTER_PORT, or a second process has RANK=0.";
            throw new NanoVlmException($"Rank 0 cannot listen at {Place}: {error.Message}. {perhaps}", error);
        }
    }

    // All ranks are there, each once, and count alike.
    private void Meet()
    {
        var (own, count) = (place.Rank, place.WorldSize);
        if (Store.Add($"rank/{own}", 1) > 1)
            throw new NanoVlmException($"Two processes have RANK={own}: each needs a number of its own, from 0 to {count - 1}.");
        Store.Set($"size/{own}", count.ToString(CultureInfo.InvariantCulture));
        var missing = Enumerable.Range(0, count).ToList();
        for (var patience = Stopwatch.StartNew(); ; Thread.Sleep(50))
        {
            foreach (var rank in missing.ToArray())
            {
                if (Store.GetText($"size/{rank}") is not { } size) continue;
                if (size != count.ToString(CultureInfo.InvariantCulture))
                    throw new NanoVlmException($"Rank {rank} has WORLD_SIZE={size}, rank {own} has {count}: start all ranks alike.");
                missing.Remove(rank);
            }
            if (missing.Count == 0) return;
            if (patience.Elapsed > times.Join)
            {
                var named = $"{(missing.Count == 1 ? "Rank" : "Ranks")} {string.Join(", ", missing)} of {count}";
                throw new NanoVlmException($"{named} did not come to {Place} within {Seconds(times.Join)}.");
            }
        }
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture) + " s";
}
