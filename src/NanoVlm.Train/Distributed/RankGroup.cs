using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// The processes that train one model together. Every method is called by all ranks in the same order; where a rank dies, hangs or fails,
/// the others fail with a message that names it.
/// </summary>
internal sealed class RankGroup : IDisposable
{
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(200); // between looks at the watch
    private static readonly TimeSpan CollectiveLimit = TimeSpan.FromMinutes(30); // gloo's own, far beyond the watch's

    private const string GoOn = "The run can go on from its last checkpoint with --resume, also with another number of ranks.";

    private readonly RankEnvironment place;
    private readonly RankTimes times;
    private readonly RankMeeting meeting;
    private readonly TcpStore watched;
    private readonly RankWatch watch;
    private readonly CancellationTokenSource failing = new();
    private readonly Collectives gloo = null!;
    private Collectives? nccl; // once there is a tensor on a device

    [SupportedOSPlatform("linux")]
    private RankGroup(RankEnvironment place, RankTimes times)
    {
        (this.place, this.times) = (place, times);
        meeting = new RankMeeting(place, times);
        try
        {
            watched = meeting.Connect();
        }
        catch
        {
            meeting.Dispose();
            throw;
        }
        watch = new RankWatch(watched, place, times);
        try
        {
            var address = OwnAddress.Find(place);
            gloo = Joining(() => new GlooCollectives(meeting.Store, place, address, CollectiveLimit, failing.Token));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Joins the run's other processes.</summary>
    /// <param name="place">This process's place; null: it is alone.</param>
    /// <param name="times">How long to wait; the defaults when null.</param>
    /// <returns>Null for a process alone.</returns>
    /// <exception cref="NanoVlmException">A rank did not come, two have one number, or gloo is not there.</exception>
    internal static RankGroup? Join(RankEnvironment? place, RankTimes? times = null)
    {
        if (place is null) return null;
        if (!OperatingSystem.IsLinux() || GlooLibrary.Missing is not null)
            throw new NanoVlmException($"WORLD_SIZE is {place.WorldSize}, but {GlooLibrary.Missing}.");
        return new RankGroup(place, times ?? new RankTimes());
    }

    /// <summary>This process's number, from 0.</summary>
    public int Rank => place.Rank;

    /// <summary>How many processes there are.</summary>
    public int Size => place.WorldSize;

    /// <summary>Whether this is rank 0, which writes the run's files.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>Starts a collective; wait for it by <see cref="Wait(Pending)"/>.</summary>
    /// <param name="name">What it is, for messages.</param>
    /// <param name="tensor">What it is about; on the same kind of device on all ranks.</param>
    /// <param name="start">Starts it.</param>
    internal Pending Start(string name, Tensor tensor, Func<Collectives, Collectives.Work> start)
    {
        var noted = watch.Launch(name);
        if (tensor.device_type == DeviceType.CUDA)
            nccl ??= OperatingSystem.IsLinux() ? JoinNccl(tensor.device_index) : throw new PlatformNotSupportedException(); // Join has said so
        try
        {
            return new Pending(noted.Number, noted.Name, start(tensor.device_type == DeviceType.CUDA ? nccl! : gloo));
        }
        catch (IOException error)
        {
            throw Lost(watch.WhyBroken(error.Message), error);
        }
    }

    /// <summary>Waits for a collective.</summary>
    /// <param name="pending">What <see cref="Start"/> gave.</param>
    /// <exception cref="NanoVlmException">A rank died, hangs or failed; the message names it.</exception>
    internal void Wait(Pending pending)
    {
        watch.Await((pending.Number, pending.Name));
        Until(pending.Work.Wait);
        watch.Await(null);
    }

    [SupportedOSPlatform("linux")]
    private Collectives JoinNccl(int device) => Joining(() => new NcclCollectives(meeting.Store, place, device, CollectiveLimit, failing.Token));

    /// <summary>A collective that was started.</summary>
    /// <param name="Number">Its number in the order of all ranks.</param>
    /// <param name="Name">What it is.</param>
    /// <param name="Work">The handle.</param>
    internal readonly record struct Pending(long Number, string Name, Collectives.Work Work);

    /// <summary>Sums numbers over all ranks, in place; whole numbers up to 2^53 exactly.</summary>
    /// <param name="name">What they are, for messages.</param>
    /// <param name="values">This rank's; then the sums.</param>
    public void Sum(string name, Span<double> values)
    {
        using var scope = NewDisposeScope();
        var all = tensor(values.ToArray());
        Wait(Start(name, all, ranks => ranks.AllReduce(all)));
        all.data<double>().ToArray().CopyTo(values);
    }

    /// <summary>Sums a number over all ranks.</summary>
    /// <param name="name">What it is, for messages.</param>
    /// <param name="value">This rank's.</param>
    public double Sum(string name, double value)
    {
        Span<double> one = [value];
        Sum(name, one);
        return one[0];
    }

    /// <summary>Whether a condition holds on any rank, as for a signal that one of them got.</summary>
    /// <param name="name">What it is, for messages.</param>
    /// <param name="value">Whether it holds here.</param>
    public bool Any(string name, bool value) => Sum(name, value ? 1 : 0) > 0;

    /// <summary>Waits for all ranks.</summary>
    /// <param name="name">What for, for messages.</param>
    public void Barrier(string name) => Sum(name, 0);

    /// <summary>Gives all ranks the values of one, in place.</summary>
    /// <param name="name">What they are, for messages.</param>
    /// <param name="tensors">The same on every rank by shape and dtype, contiguous.</param>
    /// <param name="from">The rank that has them.</param>
    public void Broadcast(string name, IEnumerable<Tensor> tensors, int from = 0)
    {
        foreach (var value in tensors) Wait(Start(name, value, ranks => ranks.Broadcast(value, from)));
    }

    /// <summary>Gathers each rank's numbers on all ranks.</summary>
    /// <param name="name">What they are, for messages.</param>
    /// <param name="values">This rank's, as many as every other's.</param>
    /// <returns>The numbers by rank.</returns>
    public long[][] Gather(string name, long[] values)
    {
        using var scope = NewDisposeScope();
        var mine = tensor(values);
        var all = empty([Size, values.Length], dtype: ScalarType.Int64);
        Wait(Start(name, mine, ranks => ranks.AllGather(mine, all)));
        return [.. all.data<long>().ToArray().Chunk(Math.Max(1, values.Length))];
    }

    /// <summary>Gathers each rank's bytes on all ranks.</summary>
    /// <param name="name">What they are, for messages.</param>
    /// <param name="bytes">This rank's, of any number.</param>
    /// <returns>The bytes by rank.</returns>
    public byte[][] Gather(string name, byte[] bytes)
    {
        var lengths = Gather(name, [(long)bytes.Length]).Select(length => (int)length[0]).ToArray();
        var padded = new long[Math.Max(1, (lengths.Max() + sizeof(long) - 1) / sizeof(long))]; // empty chunks would not tell ranks apart
        bytes.CopyTo(MemoryMarshal.AsBytes(padded.AsSpan()));
        return [.. Gather(name, padded).Select((words, rank) => MemoryMarshal.AsBytes(words.AsSpan())[..lengths[rank]].ToArray())];
    }

    /// <summary>Gives all ranks a text of rank 0's.</summary>
    /// <param name="name">What it is, for messages.</param>
    /// <param name="text">Rank 0's; the others' are not used.</param>
    public string FromFirst(string name, string text) =>
        Encoding.UTF8.GetString(Gather(name, IsFirst ? Encoding.UTF8.GetBytes(text) : [])[0]);

    /// <summary>Does long work apart from the others, an evaluation for example; meanwhile this rank is not said to hang.</summary>
    /// <param name="work">The work, without collectives.</param>
    public T Apart<T>(Func<T> work)
    {
        using var beat = new Timer(_ => Busy(), null, TimeSpan.Zero, times.Beat);
        return work();
    }

    /// <summary>Fails on all ranks unless they agree.</summary>
    /// <param name="what">What they must agree on: "the configuration".</param>
    /// <param name="text">This rank's.</param>
    /// <exception cref="NanoVlmException">A rank has another; it is named.</exception>
    public void Agree(string what, string text)
    {
        var all = Gather(what, [ParameterChecksum.Of(MemoryMarshal.AsBytes(text.AsSpan()))]);
        if (ParameterChecksum.Odd([.. all.Select(one => one[0])]) is { } odd) throw Fails($"{odd} another {what}: start all ranks alike");
    }

    /// <summary>
    /// Says that this rank does long work apart from the others, an evaluation for example; call it again and again meanwhile.
    /// </summary>
    public void Busy() => watch.Busy();

    /// <summary>Tells the other ranks why this one ends; they fail with it. The first reason counts.</summary>
    /// <param name="why">The reason.</param>
    public void Fail(string why) => watch.Decide($"rank {Rank} failed: {why}");

    /// <summary>An exception that ends the run on all ranks.</summary>
    /// <param name="why">A message that names the rank at fault.</param>
    public NanoVlmException Fails(string why) => Lost(watch.Decide(why), null);

    /// <summary>Leaves the group: at the end with all ranks, or because of a failure.</summary>
    public void Dispose()
    {
        var failed = watch.Verdict is not null || gloo is null;
        // Nobody judges who has left in order.
        watch.Stop();
        if (failed)
        {
            failing.Cancel();
            nccl?.Abandon();
            gloo?.Abandon();
        }
        else
        {
            nccl?.Dispose();
            gloo!.Dispose();
        }
        meeting.Leave();
        if (failed) return; // its threads may still wait within the store
        watch.Dispose();
        watched.Dispose();
        meeting.Dispose();
        failing.Dispose();
    }

    // Joining may last as long as another rank does not come; meanwhile the watch is heard.
    private T Joining<T>(Func<T> join)
    {
        var joining = Task.Run(join);
        try
        {
            Until(joining.Wait);
        }
        catch (AggregateException error) when (error.InnerException is NanoVlmException inner)
        {
            throw inner;
        }
        return joining.Result;
    }

    private void Until(Func<TimeSpan, bool> ended)
    {
        try
        {
            while (!ended(Slice))
                if (watch.Check() is { } verdict) throw Lost(verdict, null);
        }
        catch (Exception error) when ((error as AggregateException)?.InnerException is IOException || error is IOException)
        {
            throw Lost(watch.WhyBroken((error.InnerException ?? error).Message), error);
        }
    }

    private static NanoVlmException Lost(string verdict, Exception? inner) =>
        new($"{char.ToUpperInvariant(verdict[0])}{verdict[1..].TrimEnd('.')}. {GoOn}", inner);
}
