using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using NanoVlm.Native;
using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>Collectives in main memory, over TCP. A thread of its own runs one after the other.</summary>
[SupportedOSPlatform("linux")]
internal sealed class GlooCollectives : Collectives
{
    private readonly nint group;
    private readonly GlooRendezvous rendezvous;
    private readonly GCHandle context;
    private readonly BlockingCollection<Started> started = [];
    private readonly Thread thread;

    /// <summary>Joins; returns when all ranks did.</summary>
    /// <param name="store">Where the ranks meet.</param>
    /// <param name="place">This process's place.</param>
    /// <param name="address">Its own address, for the others to reach.</param>
    /// <param name="timeout">How long to wait for the others, here and in every collective.</param>
    /// <param name="abandoned">Ends the wait for the others to join.</param>
    /// <exception cref="IOException">A rank did not come, or the store has gone.</exception>
    internal GlooCollectives(TcpStore store, RankEnvironment place, string address, TimeSpan timeout, CancellationToken abandoned)
    {
        rendezvous = new GlooRendezvous(store, timeout, abandoned);
        context = GCHandle.Alloc(rendezvous);
        var calls = new GlooLibrary.Store(GCHandle.ToIntPtr(context));
        group = GlooLibrary.nanovlm_gloo_join(place.Rank, place.WorldSize, address, (long)timeout.TotalMilliseconds, calls);
        if (group == 0)
        {
            var error = GlooLibrary.Error();
            context.Free();
            throw rendezvous.Failure is { } failure ? new IOException(failure.Message, failure) : error;
        }
        thread = new Thread(RunAll) { IsBackground = true, Name = "gloo" };
        thread.Start();
    }

    /// <inheritdoc/>
    internal override Work AllReduce(Tensor tensor)
    {
        // What gloo does not sum goes through float32, and is rounded once.
        var target = Contiguous(tensor).detach();
        var narrow = target.dtype is ScalarType.BFloat16 or ScalarType.Float16;
        var summed = narrow ? target.to(ScalarType.Float32) : target;
        var (data, count) = (LibTorch.Address(summed), summed.numel());
        var type = summed.dtype switch
        {
            ScalarType.Float32 => GlooLibrary.Float32,
            ScalarType.Float64 => GlooLibrary.Float64,
            ScalarType.Int64 => GlooLibrary.Int64,
            var other => throw new ArgumentException($"{other} is not summed over ranks."),
        };
        Func<int> run = () => GlooLibrary.nanovlm_gloo_all_reduce(group, data, count, type);
        return narrow ? Start(count, run, () => target.copy_(summed), [summed, target]) : Start(count, run, null, [target]);
    }

    /// <inheritdoc/>
    internal override Work Broadcast(Tensor tensor, int from)
    {
        var sent = Contiguous(tensor).detach();
        var (data, bytes) = (LibTorch.Address(sent), sent.numel() * sent.element_size());
        return Start(bytes, () => GlooLibrary.nanovlm_gloo_broadcast(group, data, bytes, from), null, [sent]);
    }

    /// <inheritdoc/>
    internal override Work AllGather(Tensor input, Tensor output)
    {
        var (sent, filled) = (Contiguous(input).detach(), Contiguous(output).detach());
        var (from, to, bytes) = (LibTorch.Address(sent), LibTorch.Address(filled), sent.numel() * sent.element_size());
        return Start(bytes, () => GlooLibrary.nanovlm_gloo_all_gather(group, from, to, bytes), null, [sent, filled]);
    }

    /// <inheritdoc/>
    internal override void Abandon() => started.CompleteAdding();

    /// <inheritdoc/>
    public override void Dispose()
    {
        started.CompleteAdding();
        thread.Join();
        GlooLibrary.nanovlm_gloo_leave(group);
        context.Free();
        started.Dispose();
    }

    private Started Start(long size, Func<int> run, Action? after, Tensor[] tensors)
    {
        foreach (var tensor in tensors) tensor.DetachFromDisposeScope(); // a work outlives the scope it was started in
        var work = new Started(size == 0 ? () => 0 : run, after, tensors); // gloo divides by the size
        started.Add(work);
        return work;
    }

    private void RunAll()
    {
        foreach (var work in started.GetConsumingEnumerable()) work.Run();
    }

    private sealed class Started(Func<int> run, Action? after, Tensor[] tensors) : Work
    {
        private readonly ManualResetEventSlim ended = new();
        private IOException? error;
        private bool taken;

        internal void Run()
        {
            if (run() != 0) error = GlooLibrary.Error();
            ended.Set();
        }

        internal override bool Wait(TimeSpan timeout)
        {
            if (taken) return true;
            if (!ended.Wait(timeout)) return false;
            if (error is not null) throw new IOException(error.Message, error);
            taken = true;
            using (no_grad()) after?.Invoke();
            foreach (var tensor in tensors) tensor.Dispose();
            ended.Dispose();
            return true;
        }
    }
}
