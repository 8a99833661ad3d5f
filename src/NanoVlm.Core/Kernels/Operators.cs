using System.Runtime.InteropServices;
using NanoVlm.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

/// <summary>
/// The operators whose speed decides the training step's, a file each: the contract, the composite of plain tensor operations that says what is computed, and the
/// function that computes it faster. Which of them runs is decided in one place, <see cref="Implementation"/>.
/// </summary>
public static partial class Operators
{
    [ThreadStatic] private static nint scratch;
    [ThreadStatic] private static long scratchBytes;

    /// <summary>
    /// What the operators run on. <see cref="Implementation.Native"/> where the kernel library is there, for float32 and bfloat16 on the CPU; anything else goes to
    /// <see cref="Implementation.LibTorch"/>. <c>NANOVLM_KERNELS=libtorch</c> or <c>composite</c> asks for a simpler one. Forward and backward must agree: tests
    /// alone change it, between steps.
    /// </summary>
    internal static Implementation Implementation { get; set; } = Environment.GetEnvironmentVariable("NANOVLM_KERNELS") switch
    {
        "composite" => Implementation.Composite,
        "libtorch" => Implementation.LibTorch,
        _ => KernelLibrary.Loaded ? Implementation.Native : Implementation.LibTorch,
    };

    /// <summary>One line for people: what runs, and why.</summary>
    public static string Description => Implementation switch
    {
        Implementation.Native => $"our kernels for {KernelLibrary.CpuName} on the CPU"
            + (KernelLibrary.BFloat16Hardware ? ", with oneDNN's products in bfloat16" : "") + "; libtorch's fused operators elsewhere",
        Implementation.LibTorch when KernelLibrary.Loaded => "libtorch's operators (NANOVLM_KERNELS=libtorch)",
        Implementation.LibTorch => "libtorch's operators: our CPU kernels were not built",
        _ => "composites of plain operators (NANOVLM_KERNELS=composite)",
    };

    // Whether the kernel library computes this.
    internal static bool IsNative(Tensor x) =>
        Implementation == Implementation.Native && x.device_type == DeviceType.CPU && x.dtype is ScalarType.Float32 or ScalarType.BFloat16;

    internal static KernelThreads Threads => new() { ParallelFor = LibTorch.ParallelFor, Count = get_num_threads() };

    internal static ElementType TypeOf(Tensor x) => x.dtype == ScalarType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32;

    private static nint At(Tensor? x) => x is null ? 0 : LibTorch.Address(x);

    // x as rows of its last dimension, which has unit stride: a view where the strides allow.
    private static Tensor Rows(Tensor x)
    {
        var rows = x.dim() == 2 ? x : x.reshape(x.numel() == 0 ? [0, x.shape[^1]] : [-1, x.shape[^1]]);
        return rows.shape[1] <= 1 || rows.stride(1) == 1 ? rows : rows.contiguous();
    }

    private static Tensor AsFloat(Tensor x) => x.to(ScalarType.Float32).contiguous();

    private static Tensor Like(Tensor x, ScalarType dtype) => empty(x.shape, dtype, CPU);

    // Memory that this thread's kernels use while they run, aligned to 64 bytes.
    internal static unsafe nint Scratch(long bytes)
    {
        if (bytes <= scratchBytes) return scratch;
        NativeMemory.AlignedFree((void*)scratch);
        scratchBytes = 0;
        scratch = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        scratchBytes = bytes;
        return scratch;
    }

    private static void CheckFloats(string name, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (var tensor in tensors)
            if (tensor is not null && (tensor.device_type != DeviceType.CPU || tensor.dtype is not (ScalarType.Float32 or ScalarType.BFloat16)))
                throw new ArgumentException($"{name}: a tensor is {tensor.dtype} on {tensor.device}; expected Float32 or BFloat16 on the CPU.");
    }

    private static string Shape(Tensor x) => $"[{string.Join(", ", x.shape)}]";
}

/// <summary>What computes an operator.</summary>
internal enum Implementation
{
    /// <summary>Plain tensor operations, the oracle of the others.</summary>
    Composite,

    /// <summary>libtorch's fused operators where it has them.</summary>
    LibTorch,

    /// <summary>The project's own kernels (native/).</summary>
    Native,
}
