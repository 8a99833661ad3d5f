using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Native;

/// <summary>The C ABI of libnanovlm_torch, declared as in native/include/nanovlm.h.</summary>
internal static unsafe partial class NativeMethods
{
    private const string Library = "nanovlm_torch";

    [LibraryImport(Library), SuppressGCTransition] internal static partial byte* nvlm_last_error();
    [LibraryImport(Library)] internal static partial void nvlm_free(void* memory);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial IntPtr nvlm_operator_find(string name, string overload);
    [LibraryImport(Library)]
    internal static partial int nvlm_operator_call(IntPtr op, NativeValue* arguments, int argumentCount, NativeValue* results, int capacity, int* resultCount);

    [LibraryImport(Library)] internal static partial void nvlm_tensor_release(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial IntPtr nvlm_tensor_retain(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long nvlm_tensor_dim(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long nvlm_tensor_numel(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int nvlm_tensor_dtype(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long nvlm_tensor_element_size(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial void nvlm_tensor_device(IntPtr tensor, int* type, int* index);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int nvlm_tensor_sizes(IntPtr tensor, long* sizes);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int nvlm_tensor_strides(IntPtr tensor, long* strides);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long nvlm_tensor_storage_offset(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int nvlm_tensor_is_contiguous(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int nvlm_tensor_is_sparse(IntPtr tensor);
    [LibraryImport(Library)] internal static partial int nvlm_tensor_data(IntPtr tensor, void** data);
    [LibraryImport(Library)] internal static partial int nvlm_tensor_from_memory(void* data, long* sizes, int dim, int dtype, IntPtr* result);
    [LibraryImport(Library)]
    internal static partial int nvlm_tensor_over_memory(void* data, long* sizes, int dim, int dtype, delegate* unmanaged[Cdecl]<void*, void> release, void* context, IntPtr* result);
    [LibraryImport(Library)] internal static partial int nvlm_tensor_set_data(IntPtr tensor, IntPtr data);

    [LibraryImport(Library)] internal static partial int nvlm_tensor_requires_grad(IntPtr tensor);
    [LibraryImport(Library)] internal static partial int nvlm_tensor_set_requires_grad(IntPtr tensor, int value);
    [LibraryImport(Library)] internal static partial int nvlm_tensor_is_leaf(IntPtr tensor);
    [LibraryImport(Library)] internal static partial int nvlm_tensor_grad(IntPtr tensor, IntPtr* grad);
    [LibraryImport(Library)] internal static partial int nvlm_tensor_set_grad(IntPtr tensor, IntPtr grad);
    [LibraryImport(Library)] internal static partial int nvlm_tensor_retain_grad(IntPtr tensor);
    [LibraryImport(Library)]
    internal static partial int nvlm_backward(IntPtr* outputs, int outputCount, IntPtr* gradients, int gradientCount, int retainGraph, int createGraph, IntPtr* inputs, int inputCount);
    [LibraryImport(Library)]
    internal static partial int nvlm_grad(IntPtr* outputs, int outputCount, IntPtr* inputs, int inputCount, IntPtr* gradients, int gradientCount, int retainGraph, int createGraph, int allowUnused, IntPtr* results);
    [LibraryImport(Library)] internal static partial int nvlm_grad_mode();
    [LibraryImport(Library)] internal static partial void nvlm_set_grad_mode(int enabled);
    [LibraryImport(Library)] internal static partial int nvlm_inference_mode();
    [LibraryImport(Library)] internal static partial IntPtr nvlm_inference_guard_new(int enabled);
    [LibraryImport(Library)] internal static partial void nvlm_inference_guard_free(IntPtr guard);
    [LibraryImport(Library)] internal static partial IntPtr nvlm_allocation_counter_new();
    [LibraryImport(Library)] internal static partial void nvlm_allocation_counter_free(IntPtr counter);
    [LibraryImport(Library)] internal static partial long nvlm_allocation_counter_read(IntPtr counter, long* peak, int reset);
    [LibraryImport(Library)] internal static partial int nvlm_anomaly_mode();
    [LibraryImport(Library)] internal static partial void nvlm_set_anomaly_mode(int enabled, int checkNan);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int nvlm_custom_function(
        string name, IntPtr* inputs, int inputCount, IntPtr* outputs, byte* flags, int outputCount, IntPtr* dirty, int dirtyCount,
        IntPtr* saved, int savedCount, int materializeGrads,
        delegate* unmanaged[Cdecl]<void*, IntPtr, IntPtr*, int, IntPtr*, int, byte*> backward,
        delegate* unmanaged[Cdecl]<void*, void> release, void* context);
    [LibraryImport(Library)] internal static partial int nvlm_node_saved_count(IntPtr node);
    [LibraryImport(Library)] internal static partial int nvlm_node_saved(IntPtr node, IntPtr* results);

    [LibraryImport(Library)]
    internal static partial int nvlm_gradient_hook(IntPtr leaf, delegate* unmanaged[Cdecl]<void*, byte*> callback, void* context, IntPtr* result);
    [LibraryImport(Library)] internal static partial void nvlm_gradient_hook_free(IntPtr hook);

    [LibraryImport(Library)] internal static partial int nvlm_generator_new(int deviceType, int deviceIndex, ulong seed, IntPtr* result);
    [LibraryImport(Library)] internal static partial int nvlm_generator_default(int deviceType, int deviceIndex, IntPtr* result);
    [LibraryImport(Library)] internal static partial void nvlm_generator_free(IntPtr generator);
    [LibraryImport(Library)] internal static partial int nvlm_generator_set_seed(IntPtr generator, ulong seed);
    [LibraryImport(Library)] internal static partial int nvlm_generator_seed(IntPtr generator, ulong* seed);
    [LibraryImport(Library)] internal static partial int nvlm_generator_new_seed(IntPtr generator, ulong* seed);
    [LibraryImport(Library)] internal static partial int nvlm_generator_state(IntPtr generator, IntPtr* state);
    [LibraryImport(Library)] internal static partial int nvlm_generator_set_state(IntPtr generator, IntPtr state);
    [LibraryImport(Library)] internal static partial int nvlm_manual_seed(ulong seed);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int nvlm_distributed_has(string backend);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int nvlm_store_new(string host, int port, int isServer, string prefix, long timeoutMs, IntPtr* result);
    [LibraryImport(Library)] internal static partial void nvlm_store_free(IntPtr store);
    [LibraryImport(Library)] internal static partial int nvlm_store_port(IntPtr store);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int nvlm_store_set(IntPtr store, string key, string text);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int nvlm_store_get(IntPtr store, string key, byte** text);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int nvlm_store_add(IntPtr store, string key, long amount, long* sum);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int nvlm_group_new(IntPtr store, int rank, int size, string? address, long timeoutMs, IntPtr* result);
    [LibraryImport(Library)] internal static partial void nvlm_group_free(IntPtr group, int abandon);
    [LibraryImport(Library)] internal static partial int nvlm_group_all_reduce(IntPtr group, IntPtr tensor, int operation, IntPtr* work);
    [LibraryImport(Library)] internal static partial int nvlm_group_broadcast(IntPtr group, IntPtr tensor, int root, IntPtr* work);
    [LibraryImport(Library)] internal static partial int nvlm_group_all_gather(IntPtr group, IntPtr* outputs, int count, IntPtr input, IntPtr* work);
    [LibraryImport(Library)] internal static partial int nvlm_group_barrier(IntPtr group, IntPtr* work);
    [LibraryImport(Library)] internal static partial int nvlm_group_monitored_barrier(IntPtr group, long timeoutMs);
    [LibraryImport(Library)] internal static partial int nvlm_work_wait(IntPtr work, long timeoutMs, int* completed);
    [LibraryImport(Library)] internal static partial int nvlm_work_is_completed(IntPtr work);
    [LibraryImport(Library)] internal static partial void nvlm_work_free(IntPtr work);

    [LibraryImport(Library)] internal static partial int nvlm_num_threads();
    [LibraryImport(Library)] internal static partial int nvlm_set_num_threads(int count);
    [LibraryImport(Library)] internal static partial int nvlm_num_interop_threads();
    [LibraryImport(Library)] internal static partial int nvlm_set_num_interop_threads(int count);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int nvlm_default_dtype();
    [LibraryImport(Library)] internal static partial int nvlm_set_default_dtype(int dtype);
    [LibraryImport(Library)] internal static partial int nvlm_cuda_available();
    [LibraryImport(Library)] internal static partial int nvlm_cuda_device_count();
    [LibraryImport(Library)] internal static partial int nvlm_cuda_synchronize(int index);
    [LibraryImport(Library)] internal static partial int nvlm_allow_tf32();
    [LibraryImport(Library)] internal static partial void nvlm_set_allow_tf32(int enabled);
    [LibraryImport(Library)] internal static partial byte* nvlm_torch_version();
    [LibraryImport(Library)] internal static partial byte* nvlm_build_description();
    [LibraryImport(Library)] internal static partial byte* nvlm_thread_description();

    /// <summary>Throws libtorch's message when a call failed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(int status)
    {
        if (status != 0) Throw();
    }

    private static void Throw() => throw new ExternalException(Marshal.PtrToStringUTF8((IntPtr)nvlm_last_error()));

    /// <summary>Reads a string that the native side allocated, and frees it.</summary>
    internal static string TakeString(byte* text)
    {
        try
        {
            return Marshal.PtrToStringUTF8((IntPtr)text) ?? "";
        }
        finally
        {
            nvlm_free(text);
        }
    }
}
