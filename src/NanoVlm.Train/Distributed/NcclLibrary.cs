using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// NCCL's C API (nccl.h of NCCL 2), and what of CUDA's driver is needed to see how far a stream is. Never run by the project's tests:
/// docs/cuda.md.
/// </summary>
[SupportedOSPlatform("linux")]
internal static partial class NcclLibrary
{
    private const string Nccl = "libnccl.so.2";
    private const string Cuda = "libcuda.so.1";
    private const string TorchCuda = "torch_cuda";

    internal const int Bytes = 1; // ncclUint8
    internal const int Sum = 0; // ncclSum
    internal const int NotReady = 600; // CUDA_ERROR_NOT_READY
    private const int InProgress = 7; // ncclInProgress

    /// <summary>ncclDataType_t of the elements that are summed.</summary>
    internal static int TypeOf(ScalarType dtype) => dtype switch
    {
        ScalarType.Int64 => 4,
        ScalarType.Float16 => 6,
        ScalarType.Float32 => 7,
        ScalarType.Float64 => 8,
        ScalarType.BFloat16 => 9,
        _ => throw new ArgumentException($"{dtype} is not summed over ranks."),
    };

    /// <summary>ncclUniqueId: what rank 0 makes and all join with.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    internal struct UniqueId
    {
        private byte first;
    }

    /// <exception cref="IOException">NCCL's result is an error.</exception>
    internal static void Check(int result)
    {
        if (result is not (0 or InProgress)) throw new IOException(Marshal.PtrToStringUTF8(ncclGetErrorString(result)));
    }

    /// <exception cref="IOException">CUDA's, or libtorch's, result is an error.</exception>
    internal static void CheckCuda(int result)
    {
        if (result != 0) throw new IOException($"CUDA's error {result}");
    }

    /// <summary>Makes a device the thread's own until it is disposed of.</summary>
    internal readonly ref struct OnDevice
    {
        private readonly nint guard;

        internal OnDevice(int device) => CheckCuda(aoti_torch_create_cuda_device_guard(device, out guard));

        public void Dispose() => _ = aoti_torch_delete_cuda_device_guard(guard);
    }

    [LibraryImport(Nccl)]
    internal static partial int ncclGetUniqueId(out UniqueId id);

    [LibraryImport(Nccl)]
    internal static partial int ncclCommInitRank(out nint comm, int size, UniqueId id, int rank);

    [LibraryImport(Nccl)]
    internal static partial int ncclAllReduce(nint from, nint to, nuint count, int type, int operation, nint comm, nint stream);

    [LibraryImport(Nccl)]
    internal static partial int ncclBroadcast(nint from, nint to, nuint count, int type, int root, nint comm, nint stream);

    [LibraryImport(Nccl)]
    internal static partial int ncclAllGather(nint from, nint to, nuint count, int type, nint comm, nint stream);

    [LibraryImport(Nccl)]
    internal static partial int ncclCommGetAsyncError(nint comm, out int error);

    [LibraryImport(Nccl)]
    internal static partial int ncclCommDestroy(nint comm);

    [LibraryImport(Nccl)]
    internal static partial int ncclCommAbort(nint comm);

    [LibraryImport(Nccl)]
    private static partial nint ncclGetErrorString(int result);

    [LibraryImport(Cuda)]
    internal static partial int cuEventCreate(out nint made, uint flags);

    [LibraryImport(Cuda)]
    internal static partial int cuEventRecord(nint marked, nint stream);

    [LibraryImport(Cuda)]
    internal static partial int cuEventQuery(nint marked);

    [LibraryImport(Cuda, EntryPoint = "cuEventDestroy_v2")]
    internal static partial int cuEventDestroy(nint marked);

    [LibraryImport(TorchCuda)]
    internal static partial int aoti_torch_get_current_cuda_stream(int device, out nint stream);

    [LibraryImport(TorchCuda)]
    private static partial int aoti_torch_create_cuda_device_guard(int device, out nint guard);

    [LibraryImport(TorchCuda)]
    private static partial int aoti_torch_delete_cuda_device_guard(nint guard);
}
