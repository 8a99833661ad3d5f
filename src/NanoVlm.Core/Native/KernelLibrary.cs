using System.Runtime.InteropServices;

namespace NanoVlm.Native;

/// <summary>The entry points of <c>nanovlm_kernels</c>, our CPU kernels; <c>native/nanovlm_kernels.h</c> says what each does.</summary>
/// <remarks>
/// Addresses and sizes only: callers check shapes, types and strides, and hold the tensors alive. A call with a <c>scratch</c> wants as
/// many bytes there, aligned to 64, as its companion says for the same arguments and threads.
/// </remarks>
internal static unsafe partial class KernelLibrary
{
    private const string Name = "nanovlm_kernels";
    private const int AbiVersion = 1;

    /// <summary>Whether the library is there, is of this version, and <c>NANOVLM_KERNELS=composite</c> does not turn it off.</summary>
    public static bool Loaded { get; } = Load();

    private static bool Load()
    {
        if (Environment.GetEnvironmentVariable("NANOVLM_KERNELS") == "composite") return false;
        return NativeLibrary.TryLoad(Name, typeof(KernelLibrary).Assembly, null, out nint library)
            && NativeLibrary.TryGetExport(library, "nanovlm_abi_version", out nint version)
            && ((delegate* unmanaged<int>)version)() == AbiVersion;
    }

    /// <summary>The instruction set in use: avx512, avx2 or baseline.</summary>
    public static string CpuName => Marshal.PtrToStringUTF8(CpuNamePointer()) ?? "";

    /// <summary>Whether the CPU multiplies bfloat16 in hardware, so that libtorch's bfloat16 product is the faster one.</summary>
    public static bool BFloat16Hardware => BFloat16HardwareFlag() != 0;

    [LibraryImport(Name, EntryPoint = "nanovlm_cpu_name")]
    private static partial nint CpuNamePointer();

    [LibraryImport(Name, EntryPoint = "nanovlm_bfloat16_hardware")]
    private static partial int BFloat16HardwareFlag();

    // Matrix product.

    [LibraryImport(Name, EntryPoint = "nanovlm_gemm_scratch")]
    public static partial long GemmScratch(in ProductArguments product, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_gemm")]
    public static partial void Gemm(in ProductArguments product, nint scratch, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_column_sum_scratch")]
    public static partial long ColumnSumScratch(long rows, long columns);

    [LibraryImport(Name, EntryPoint = "nanovlm_column_sum")]
    public static partial void ColumnSum(long rows, long columns, nint x, long xRow, ElementType xType, nint total, nint scratch,
        in KernelThreads threads);

    // Normalisation and the residual stream.

    [LibraryImport(Name, EntryPoint = "nanovlm_norm_forward")]
    public static partial void NormForward(in NormArguments norm, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_norm_backward_scratch")]
    public static partial long NormBackwardScratch(in NormArguments norm);

    [LibraryImport(Name, EntryPoint = "nanovlm_norm_backward")]
    public static partial void NormBackward(in NormArguments norm, nint scratch, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_add_residual")]
    public static partial void AddResidual(long rows, long dim, nint x, nint y, ElementType yType, nint scale, nint result,
        in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_add_residual_backward_scratch")]
    public static partial long AddResidualBackwardScratch(long rows, long dim);

    [LibraryImport(Name, EntryPoint = "nanovlm_add_residual_backward")]
    public static partial void AddResidualBackward(long rows, long dim, nint grad, nint y, ElementType yType, nint scale, nint gradY,
        nint gradScale, nint scratch, in KernelThreads threads);

    // Activations.

    [LibraryImport(Name, EntryPoint = "nanovlm_gelu_tanh")]
    public static partial void GeluTanh(long count, nint x, nint y, ElementType type, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_gelu_tanh_backward")]
    public static partial void GeluTanhBackward(long count, nint x, nint grad, nint gradX, ElementType type, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_swiglu")]
    public static partial void SwiGlu(long count, nint gate, nint up, nint y, ElementType type, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_swiglu_backward")]
    public static partial void SwiGluBackward(long count, nint gate, nint up, nint grad, nint gradGate, nint gradUp, ElementType type,
        in KernelThreads threads);

    // Rotary embedding.

    [LibraryImport(Name, EntryPoint = "nanovlm_rotate")]
    public static partial void Rotate(in RotaryArguments rotary, in KernelThreads threads);

    // Embedding and rows by index. Checked indices: the result is -1, or the position of the first that is out of range.

    [LibraryImport(Name, EntryPoint = "nanovlm_embedding")]
    public static partial long Embedding(long vocabulary, long dim, nint weight, long weightRow, ElementType weightType, long count,
        nint ids, nint result, ElementType resultType, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_embedding_backward_scratch")]
    public static partial long EmbeddingBackwardScratch(long vocabulary, long count);

    [LibraryImport(Name, EntryPoint = "nanovlm_embedding_backward")]
    public static partial long EmbeddingBackward(long vocabulary, long dim, long count, nint ids, nint grad, ElementType gradType,
        nint total, nint scratch, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_gather_rows")]
    public static partial void GatherRows(long count, long rowBytes, nint index, nint from, long fromRow, nint to, long toRow,
        in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_scatter_rows")]
    public static partial void ScatterRows(long count, long rowBytes, nint index, nint from, long fromRow, nint to, long toRow,
        in KernelThreads threads);

    // Attention.

    [LibraryImport(Name, EntryPoint = "nanovlm_attention_forward_scratch")]
    public static partial long AttentionForwardScratch(in AttentionArguments attention, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_attention_forward")]
    public static partial void AttentionForward(in AttentionArguments attention, nint scratch, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_attention_backward_scratch")]
    public static partial long AttentionBackwardScratch(in AttentionArguments attention, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_attention_backward")]
    public static partial void AttentionBackward(in AttentionArguments attention, nint scratch, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_attend_cached_scratch")]
    public static partial long AttendCachedScratch(in CachedAttentionArguments attention, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_attend_cached")]
    public static partial long AttendCached(in CachedAttentionArguments attention, nint scratch, in KernelThreads threads);

    // Loss.

    [LibraryImport(Name, EntryPoint = "nanovlm_cross_entropy")]
    public static partial long CrossEntropy(long rows, long classes, nint logits, nint targets, nint losses, nint grad,
        ElementType gradType, in KernelThreads threads);

    // Optimizer.

    [LibraryImport(Name, EntryPoint = "nanovlm_adamw")]
    public static partial void AdamW(long count, ParameterArguments* parameters, in AdamWArguments options, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_sum_squares_scratch")]
    public static partial long SumSquaresScratch(long count, ArrayArguments* arrays);

    [LibraryImport(Name, EntryPoint = "nanovlm_sum_squares")]
    public static partial double SumSquares(long count, ArrayArguments* arrays, nint scratch, in KernelThreads threads);

    // Elements.

    [LibraryImport(Name, EntryPoint = "nanovlm_convert")]
    public static partial void Convert(long count, nint from, ElementType fromType, nint to, ElementType toType, in KernelThreads threads);

    [LibraryImport(Name, EntryPoint = "nanovlm_add_to")]
    public static partial void AddTo(long count, nint x, ElementType xType, nint y, in KernelThreads threads);
}
