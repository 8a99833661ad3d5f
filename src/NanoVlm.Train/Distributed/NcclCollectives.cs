using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using NanoVlm.Native;
using static NanoVlm.Training.Distributed.NcclLibrary;
using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Collectives on CUDA devices, a device a rank. They run on libtorch's current stream, so what comes before and after them there keeps its
/// order.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class NcclCollectives : Collectives
{
    private const string Key = "nccl";
    private readonly nint comm;
    private readonly int device;

    /// <summary>Joins; returns when all ranks did.</summary>
    /// <param name="store">Where the ranks meet.</param>
    /// <param name="place">This process's place.</param>
    /// <param name="device">The number of its device.</param>
    /// <param name="timeout">How long to wait for rank 0's word.</param>
    /// <param name="abandoned">Ends that wait.</param>
    /// <exception cref="IOException">NCCL fails.</exception>
    /// <exception cref="NanoVlmException">NCCL is not there.</exception>
    internal NcclCollectives(TcpStore store, RankEnvironment place, int device, TimeSpan timeout, CancellationToken abandoned)
    {
        this.device = device;
        try
        {
            UniqueId id = default;
            var bytes = MemoryMarshal.AsBytes(new Span<UniqueId>(ref id));
            if (place.Rank == 0)
            {
                Check(ncclGetUniqueId(out id));
                store.Set(Key, bytes);
            }
            else
            {
                for (var patience = Stopwatch.StartNew(); !store.Wait(Key, TimeSpan.FromSeconds(0.5));)
                    if (abandoned.IsCancellationRequested || patience.Elapsed > timeout)
                        throw new IOException("rank 0 has not begun with NCCL");
                store.Get(Key)!.CopyTo(bytes);
            }
            using var on = new OnDevice(device);
            Check(ncclCommInitRank(out comm, place.WorldSize, id, place.Rank));
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            const string wanted = "Several processes on CUDA devices need NCCL (libnccl.so.2; NVIDIA's package libnccl2)";
            throw new NanoVlmException($"{wanted}: {error.Message}", error);
        }
    }

    /// <inheritdoc/>
    internal override Work AllReduce(Tensor tensor)
    {
        var data = LibTorch.Address(Contiguous(tensor));
        var type = TypeOf(tensor.dtype);
        return Start(stream => ncclAllReduce(data, data, (nuint)tensor.numel(), type, NcclLibrary.Sum, comm, stream));
    }

    /// <inheritdoc/>
    internal override Work Broadcast(Tensor tensor, int from)
    {
        var data = LibTorch.Address(Contiguous(tensor));
        return Start(stream => ncclBroadcast(data, data, Size(tensor), Bytes, from, comm, stream));
    }

    /// <inheritdoc/>
    internal override Work AllGather(Tensor input, Tensor output)
    {
        var (from, to) = (LibTorch.Address(Contiguous(input)), LibTorch.Address(Contiguous(output)));
        return Start(stream => ncclAllGather(from, to, Size(input), Bytes, comm, stream));
    }

    /// <inheritdoc/>
    internal override void Abandon() => _ = ncclCommAbort(comm);

    /// <inheritdoc/>
    public override void Dispose() => _ = ncclCommDestroy(comm);

    private static nuint Size(Tensor tensor) => (nuint)(tensor.numel() * tensor.element_size());

    // libtorch's allocator gives memory of this stream only to what comes after on it, so a tensor that is freed early does no harm.
    private Marked Start(Func<nint, int> launch)
    {
        using var on = new OnDevice(device);
        CheckCuda(aoti_torch_get_current_cuda_stream(device, out var stream));
        Check(launch(stream));
        CheckCuda(cuEventCreate(out var mark, 2)); // without times
        CheckCuda(cuEventRecord(mark, stream));
        return new Marked(comm, mark);
    }

    // Done when the stream has passed the mark.
    private sealed class Marked(nint comm, nint mark) : Work
    {
        private bool passed;

        internal override bool Wait(TimeSpan timeout)
        {
            for (var (patience, spin) = (Stopwatch.StartNew(), new SpinWait()); !passed; spin.SpinOnce(sleep1Threshold: 200))
            {
                var state = cuEventQuery(mark);
                if (state == NotReady)
                {
                    Check(ncclCommGetAsyncError(comm, out var error));
                    Check(error);
                    if (patience.Elapsed > timeout) return false;
                    continue;
                }
                CheckCuda(state);
                passed = true;
                _ = cuEventDestroy(mark);
            }
            return true;
        }
    }
}
