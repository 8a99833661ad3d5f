using System.Runtime.InteropServices;

namespace NanoVlm.Native;

/// <summary>
/// A stream of CUDA's for copies, beside the one that computes: TorchSharp knows one stream only. libtorch_cuda has plain C functions for
/// more (torch/csrc/stable/c/shim.h and torch/csrc/inductor/aoti_torch/c/shim.h).
/// </summary>
internal sealed unsafe partial class CudaCopyStream
{
    private readonly int device;
    private readonly nint stream;

    /// <param name="device">The number of the device.</param>
    internal CudaCopyStream(int device)
    {
        nint found;
        Check(torch_get_cuda_stream_from_pool(0, device, &found));
        (this.device, stream) = (device, found);
    }

    /// <summary>Queues what the action starts on this device on this stream.</summary>
    internal void Run(Action start)
    {
        nint guard;
        Check(aoti_torch_create_cuda_stream_guard(stream, device, &guard));
        try
        {
            start();
        }
        finally
        {
            Check(aoti_torch_delete_cuda_stream_guard(guard));
        }
    }

    /// <summary>Waits until all that was queued is done.</summary>
    internal void Wait() => Check(torch_cuda_stream_synchronize(stream, device));

    private static void Check(int error)
    {
        if (error != 0) throw new ExternalException("A stream of CUDA's failed; libtorch has said why on standard error.");
    }

    [LibraryImport("torch_cuda")]
    private static partial int torch_get_cuda_stream_from_pool(byte highPriority, int device, nint* stream);

    [LibraryImport("torch_cuda")]
    private static partial int torch_cuda_stream_synchronize(nint stream, int device);

    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_create_cuda_stream_guard(nint stream, int device, nint* guard);

    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_delete_cuda_stream_guard(nint guard);
}
