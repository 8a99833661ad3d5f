using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace NanoVlm.Native;

/// <summary>
/// Operators of libtorch that TorchSharp has no method for, called by name through libtorch's stable C ABI (torch/csrc/inductor/aoti_torch/c/shim.h).
/// Gradients, dispatch by device and dispose scopes work as for TorchSharp's own methods.
/// </summary>
internal static unsafe partial class LibTorch
{
    private static readonly ConcurrentDictionary<nint, Action> releases = [];

    /// <summary>Attention that never holds all scores at once where the device has such a kernel (aten::scaled_dot_product_attention).</summary>
    /// <param name="q">[B, H, T, D].</param>
    /// <param name="k">[B, G, S, D]; H is a multiple of G.</param>
    /// <param name="v">As k.</param>
    /// <param name="mask">Added to the scores, or Bool, true where seen; broadcast to [B, H, T, S]. Null: none.</param>
    /// <param name="causal">Whether query i sees keys up to i alone; with a mask: false.</param>
    /// <param name="scale">Factor on the scores.</param>
    internal static Tensor ScaledDotProductAttention(Tensor q, Tensor k, Tensor v, Tensor? mask, bool causal, double scale)
    {
        var call = new Call(stackalloc ulong[8]);
        call.Add(q);
        call.Add(k);
        call.Add(v);
        call.AddOptional(mask);
        call.Add(0.0); // dropout
        call.Add(causal);
        call.AddOptional(scale);
        call.Add(q.shape[1] != k.shape[1]); // enable_gqa
        call.Run("aten::scaled_dot_product_attention"u8);
        return call.Result(0);
    }

    /// <summary>Attention within documents that lie behind each other (aten::_flash_attention_forward; CUDA alone).</summary>
    /// <param name="q">[N, H, D]: the tokens of all documents.</param>
    /// <param name="k">[N, G, D].</param>
    /// <param name="v">As k.</param>
    /// <param name="starts">[documents + 1], Int32: where each document begins, and where the last one ends.</param>
    /// <param name="longest">The length of the longest document.</param>
    /// <param name="window">How many of the last keys, itself included, a query sees; 0: all before it.</param>
    /// <param name="scale">Factor on the scores.</param>
    /// <returns>[N, H, D].</returns>
    internal static Tensor CausalFlashAttention(Tensor q, Tensor k, Tensor v, Tensor starts, long longest, long window, double scale)
    {
        var call = new Call(stackalloc ulong[15]);
        foreach (var tensor in new[] { q, k, v, starts, starts }) call.Add(tensor);
        call.Add(longest); // of queries
        call.Add(longest); // of keys
        call.Add(0.0); // dropout
        call.Add(true); // causal
        call.Add(false); // no debug mask
        call.AddOptional(scale);
        call.AddOptional(window > 0 ? window - 1 : null); // to the left
        call.AddOptional(window > 0 ? 0 : null); // to the right
        call.AddOptional(default(Tensor)); // seqused_k
        call.AddOptional(default(Tensor)); // alibi_slopes
        call.Run("aten::_flash_attention_forward"u8);
        for (var i = 1; i < 5; i++) call.Result(i).Dispose(); // log-sums and random state: the gradient has its own references
        return call.Result(0);
    }

    /// <summary>One AdamW step over many parameters at once (aten::_fused_adamw_). All are changed in place.</summary>
    /// <param name="parameters">Float32, as are gradients and averages.</param>
    /// <param name="gradients">The gradient of each parameter.</param>
    /// <param name="averages">The running mean of each gradient.</param>
    /// <param name="squares">Averages of their squares.</param>
    /// <param name="steps">Float32 scalars on the parameters' device: the number of this step, from 1.</param>
    /// <param name="lr">The learning rate.</param>
    /// <param name="beta1">How much of the average is kept.</param>
    /// <param name="beta2">How much of the average of squares is kept.</param>
    /// <param name="weightDecay">Times lr, how much of each parameter goes.</param>
    /// <param name="eps">Added to the root of the average of squares.</param>
    /// <param name="gradientDivisor">A float32 number on the device that the gradients are divided by, in place; null: 1.</param>
    internal static void FusedAdamW(
        IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> gradients, IReadOnlyList<Tensor> averages, IReadOnlyList<Tensor> squares, IReadOnlyList<Tensor> steps,
        double lr, double beta1, double beta2, double weightDecay, double eps, Tensor? gradientDivisor = null)
    {
        var call = new Call(stackalloc ulong[15]);
        foreach (var list in new[] { parameters, gradients, averages, squares, [], steps }) call.Add(list);
        foreach (var number in new[] { lr, beta1, beta2, weightDecay, eps }) call.Add(number);
        call.Add(false); // amsgrad
        call.Add(false); // maximize
        call.AddOptional(gradientDivisor); // grad_scale
        call.AddOptional(default(Tensor)); // found_inf
        call.Run("aten::_fused_adamw_"u8);
    }

    /// <summary>Fills tensors with zeros (aten::_foreach_zero_).</summary>
    internal static void Zero(IReadOnlyList<Tensor> tensors)
    {
        var call = new Call(stackalloc ulong[1]);
        call.Add(tensors);
        call.Run("aten::_foreach_zero_"u8);
    }

    /// <summary>A tensor over memory of the caller's.</summary>
    /// <param name="data">The first element; elements lie behind each other.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="release">Called once, when no tensor uses the memory any more.</param>
    internal static Tensor FromBlob(nint data, ReadOnlySpan<long> shape, ScalarType dtype, Action release)
    {
        releases[data] = release;
        fixed (long* sizes = shape)
        {
            var handle = THSTensor_new(data, &Release, sizes, shape.Length, (sbyte)dtype, (sbyte)dtype, 0, 0, 0);
            CheckForErrors();
            return Tensor.UnsafeCreateTensor(handle);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Release(nint data)
    {
        if (releases.TryRemove(data, out var release)) release();
    }

    /// <summary>Where a tensor's first element is.</summary>
    internal static nint Address(Tensor tensor)
    {
        nint pointer;
        Check(aoti_torch_get_data_ptr(tensor.Handle, &pointer), "a tensor's address");
        return pointer;
    }

    /// <summary>libtorch's threads, for the loops of the kernels: called as torch_parallel_for(begin, end, grain, body, context).</summary>
    internal static nint ParallelFor { get; } = NativeLibrary.GetExport(NativeLibrary.Load("torch_cpu", typeof(LibTorch).Assembly, null), "torch_parallel_for");

    private static void Check(int error, string what)
    {
        if (error != 0) throw new ExternalException($"libtorch could not make {what}; it has said why on standard error.");
    }

    // The arguments of an operator, a word each; what is absent is 0, and an optional number lies behind a pointer that the call frees. The results take their place.
    private ref struct Call(Span<ulong> words)
    {
        private readonly Span<ulong> words = words;
        private int count;

        internal void Add(Tensor tensor) => words[count++] = NewReference(tensor);

        internal void Add(double number) => words[count++] = BitConverter.DoubleToUInt64Bits(number);

        internal void Add(long number) => words[count++] = (ulong)number;

        internal void Add(bool flag) => words[count++] = flag ? 1UL : 0;

        internal void AddOptional(Tensor? tensor) => words[count++] = tensor is null ? 0 : Boxed(NewReference(tensor));

        internal void AddOptional(double number) => words[count++] = Boxed(BitConverter.DoubleToUInt64Bits(number));

        internal void AddOptional(long? number) => words[count++] = number is { } value ? Boxed((ulong)value) : 0;

        internal void Add(IReadOnlyList<Tensor> tensors)
        {
            nint list;
            Check(torch_new_list_reserve_size((nuint)tensors.Count, &list), "a list");
            foreach (var tensor in tensors) Check(torch_list_push_back(list, NewReference(tensor)), "a list");
            words[count++] = (ulong)list;
        }

        internal readonly void Run(ReadOnlySpan<byte> name)
        {
            fixed (byte* operation = name, overload = "\0"u8)
            fixed (ulong* stack = words)
                if (aoti_torch_call_dispatcher(operation, overload, stack) != 0)
                    throw new ExternalException($"{System.Text.Encoding.ASCII.GetString(name)} failed; libtorch has said why on standard error.");
        }

        internal readonly Tensor Result(int index) => Tensor.UnsafeCreateTensor((nint)words[index]);

        private static ulong NewReference(Tensor tensor)
        {
            nint handle;
            Check(aoti_torch_new_tensor_handle(tensor.Handle, &handle), "a reference to a tensor");
            GC.KeepAlive(tensor);
            return (ulong)handle;
        }

        private static ulong Boxed(ulong word)
        {
            var box = (ulong*)NativeMemory.Alloc(sizeof(ulong));
            *box = word;
            return (ulong)box;
        }
    }

    [LibraryImport("torch_cpu")]
    private static partial int aoti_torch_call_dispatcher(byte* name, byte* overload, ulong* stack);

    [LibraryImport("torch_cpu")]
    private static partial int aoti_torch_new_tensor_handle(nint tensor, nint* handle);

    [LibraryImport("torch_cpu")]
    private static partial int aoti_torch_get_data_ptr(nint tensor, nint* pointer);

    [LibraryImport("torch_cpu")]
    private static partial int torch_new_list_reserve_size(nuint size, nint* list);

    [LibraryImport("torch_cpu")]
    private static partial int torch_list_push_back(nint list, ulong element);

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_new(
        nint data, delegate* unmanaged[Cdecl]<nint, void> release, long* shape, int dimensions, sbyte elements, sbyte dtype, int device, int deviceIndex, byte requiresGradient);
}
