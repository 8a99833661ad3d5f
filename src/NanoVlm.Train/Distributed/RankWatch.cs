using System.Diagnostics;
using System.Globalization;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Finds the rank that dies or hangs. Each rank says through the store, twice a second and from a thread of its own, how many collectives
/// it has started and whether it lives; rank 0 watches all others, and they watch rank 0. The first to find a fault writes it down as the
/// verdict, which all ranks then fail with.
/// </summary>
internal sealed class RankWatch : IDisposable
{
    internal const string VerdictKey = "verdict";
    internal const string VerdictCount = "verdict/count";

    private readonly TcpStore store;
    private readonly RankEnvironment place;
    private readonly RankTimes times;
    private readonly Thread thread;
    private readonly ManualResetEventSlim stop = new();
    private readonly ManualResetEventSlim fallen = new(); // the verdict
    private readonly Dictionary<int, Seen> others;
    private readonly Lock launching = new();
    private (long Number, string Name) launched = (0, "joining");
    private (long Number, string Name)? awaited;
    private TimeSpan waited;
    private long busy;
    private string? broken;
    private volatile string? verdict;
    private long lastRound = Stopwatch.GetTimestamp();

    // What another rank said last, and for how long it has said the same.
    private sealed class Seen
    {
        internal string Beat = "", Progress = "", Name = "joining";
        internal long Launched;
        internal bool Broken;
        internal TimeSpan Silent, Still;
    }

    internal RankWatch(TcpStore store, RankEnvironment place, RankTimes times)
    {
        (this.store, this.place, this.times) = (store, place, times);
        others = (place.Rank == 0 ? Enumerable.Range(1, place.WorldSize - 1) : [0]).ToDictionary(rank => rank, _ => new Seen());
        thread = new Thread(Watch) { IsBackground = true, Name = "ranks" };
        thread.Start();
    }

    /// <summary>What ended the run; null while all is well.</summary>
    internal string? Verdict => verdict;

    /// <summary>Notes a collective about to be started.</summary>
    internal (long Number, string Name) Launch(string name)
    {
        lock (launching) return launched = (launched.Number + 1, name);
    }

    /// <summary>Notes that this rank now waits for a collective, or for none.</summary>
    internal void Await((long, string)? collective)
    {
        lock (launching) (awaited, waited) = (collective, TimeSpan.Zero);
    }

    /// <summary>Notes progress of work apart from the others.</summary>
    internal void Busy() => Interlocked.Increment(ref busy);

    /// <summary>Notes a broken connection, and waits until it is known whose fault it is.</summary>
    internal string WhyBroken(string error)
    {
        broken = error.ReplaceLineEndings(" ");
        var patience = 2 * times.Death + 4 * times.Beat;
        fallen.Wait(patience);
        return verdict ?? Decide(
            $"rank {place.Rank} lost its connection to another rank, all of which give signs of life ({broken}); " +
            "look at the network between them");
    }

    /// <summary>Ends the run for all ranks, unless it has ended for another reason before.</summary>
    internal string Decide(string text)
    {
        if (verdict is { } before) return before;
        try
        {
            if (store.Add(VerdictCount, 1) == 1) store.Set(VerdictKey, text);
            else
                for (var patience = Stopwatch.StartNew(); patience.Elapsed < times.Death; Thread.Sleep(20))
                    if (store.GetText(VerdictKey) is { } first)
                    {
                        text = first;
                        break;
                    }
        }
        catch (IOException)
        {
            // The store has gone: what this rank knows is all there is.
        }
        return Fall(text);
    }

    /// <summary>Throws when the store has not answered for too long, as when the process that serves it is frozen.</summary>
    internal string? Check()
    {
        if (verdict is null && Stopwatch.GetElapsedTime(Interlocked.Read(ref lastRound)) > times.Hang + 4 * times.Beat)
            Fall($"{Server} has not answered for {Seconds(times.Hang)}: it hangs or the network to it is down");
        return verdict;
    }

    /// <summary>Stops watching. The store is not used any more when this returns true.</summary>
    internal bool Stop()
    {
        stop.Set();
        return thread.Join(times.Death);
    }

    public void Dispose()
    {
        if (!Stop()) return;
        stop.Dispose();
        fallen.Dispose();
    }

    private string Server => $"{(place.LauncherServes ? "the launcher's store" : "rank 0")} at {place.MasterAddress}:{place.MasterPort}";

    private string Fall(string text)
    {
        verdict = text;
        fallen.Set();
        return text;
    }

    private void Watch()
    {
        try
        {
            var beat = 0L;
            do
            {
                // A process that was stopped for a while (or a machine that slept) must not take the others for dead.
                var passed = Stopwatch.GetElapsedTime(Interlocked.Read(ref lastRound));
                if (passed > 4 * times.Beat) passed = 4 * times.Beat;
                string line;
                lock (launching)
                {
                    var progress = string.Create(CultureInfo.InvariantCulture, $"{beat}\n{launched.Number} {Interlocked.Read(ref busy)}");
                    line = $"{progress}\n{(broken is null ? "" : "broken")}\n{launched.Name}";
                    if (awaited is not null) waited += passed;
                }
                store.Set($"beat/{place.Rank}", line);
                beat++;
                if (verdict is null && store.GetText(VerdictKey) is { } text) Fall(text);
                foreach (var (rank, seen) in others) Look(rank, seen, passed);
                Interlocked.Exchange(ref lastRound, Stopwatch.GetTimestamp());
                if (verdict is null && Judgement() is { } fault) Decide(fault);
            }
            while (!stop.Wait(times.Beat));
        }
        catch (IOException) when (!stop.IsSet)
        {
            Fall($"{Server} is gone: its process has ended, or the network to it is down");
        }
        catch (IOException)
        {
            // The group is being left.
        }
    }

    private void Look(int rank, Seen seen, TimeSpan passed)
    {
        var said = store.GetText($"beat/{rank}");
        var parts = (said ?? "\n0 0\n\njoining").Split('\n');
        seen.Silent = seen.Beat == parts[0] ? seen.Silent + passed : TimeSpan.Zero;
        seen.Still = seen.Progress == parts[1] ? seen.Still + passed : TimeSpan.Zero;
        (seen.Beat, seen.Progress, seen.Broken, seen.Name) = (parts[0], parts[1], parts[2].Length > 0, parts[3]);
        seen.Launched = long.Parse(parts[1].Split(' ')[0], CultureInfo.InvariantCulture);
    }

    private string? Judgement()
    {
        (long Number, string Name)? here;
        TimeSpan since;
        lock (launching) (here, since) = (awaited, waited);
        var anyBroken = broken is not null || others.Values.Any(seen => seen.Broken);
        foreach (var (rank, seen) in others)
        {
            if (seen.Silent > times.Hang || (anyBroken && seen.Silent > times.Death))
            {
                var more = anyBroken ? ", and connections are broken" : "";
                return $"rank {rank} died or froze: no sign of life for {Seconds(seen.Silent)}{more}";
            }
            // One that gives no sign of life either is the case above, if not yet.
            var isStill = since > times.Hang && seen.Still > times.Hang && seen.Silent <= 4 * times.Beat;
            if (here is { } collective && isStill && seen.Launched < collective.Number)
                return $"rank {rank} hangs: for {Seconds(seen.Still)} it has not come to where rank {place.Rank} waits " +
                    $"({collective.Name}, collective {collective.Number}); the last it did is {seen.Name}, collective {seen.Launched}";
        }
        // Nobody is late, and still it does not end.
        if (here is { } stuck && since > times.Hang && place.Rank == 0
            && others.Values.All(seen => seen.Launched >= stuck.Number && seen.Still > times.Hang))
            return $"no rank is late, but {stuck.Name} (collective {stuck.Number}) has not ended for {Seconds(since)}: " +
                "the connections between the ranks carry nothing; look at firewalls, and at GLOO_SOCKET_IFNAME";
        return null;
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0", CultureInfo.InvariantCulture) + " s";
}
