/*
 * The C ABI of libnanovlm_torch.so: libtorch's dispatcher, tensor lifetime, autograd, random numbers and threads.
 *
 * Rules:
 *  - No C++ type and no exception crosses. A function that can fail returns NVLM_OK or NVLM_ERROR; the text of the
 *    last error of this thread is nvlm_last_error().
 *  - An nvlm_tensor is one owned reference to a c10::TensorImpl. Who receives one calls nvlm_tensor_release once.
 *    A null handle is an undefined tensor. Handles passed in are borrowed.
 *  - Memory that a result points to (lists, strings) is released with nvlm_free.
 */
#ifndef NANOVLM_H
#define NANOVLM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define NVLM_API __declspec(dllexport)
#else
#define NVLM_API __attribute__((visibility("default")))
#endif

#define NVLM_OK 0
#define NVLM_ERROR 1

typedef struct nvlm_tensor_impl *nvlm_tensor;
typedef struct nvlm_operator_impl *nvlm_operator;
typedef struct nvlm_generator_impl *nvlm_generator;
typedef struct nvlm_node_impl *nvlm_node;
typedef struct nvlm_inference_impl *nvlm_inference_guard;
typedef struct nvlm_hook_impl *nvlm_hook;
typedef struct nvlm_store_impl *nvlm_store;
typedef struct nvlm_group_impl *nvlm_group;
typedef struct nvlm_work_impl *nvlm_work;
typedef struct nvlm_allocation_counter_impl *nvlm_allocation_counter;

/* What an nvlm_value holds. Layout is checked by a test on the C# side. */
enum nvlm_tag {
    NVLM_NONE = 0,         /* nothing: None, or an undefined tensor          */
    NVLM_TENSOR = 1,       /* pointer: nvlm_tensor                            */
    NVLM_INT = 2,          /* integer; also ScalarType, Layout, MemoryFormat  */
    NVLM_DOUBLE = 3,       /* number                                          */
    NVLM_BOOL = 4,         /* integer: 0 or 1                                 */
    NVLM_STRING = 5,       /* pointer: UTF-8 bytes, length                    */
    NVLM_INT_LIST = 6,     /* pointer: const int64_t*, length                 */
    NVLM_DOUBLE_LIST = 7,  /* pointer: const double*, length                  */
    NVLM_TENSOR_LIST = 8,  /* pointer: nvlm_tensor*, length; null = undefined */
    NVLM_DEVICE = 9,       /* integer: type in the low 32 bits, index above   */
    NVLM_GENERATOR = 10,   /* pointer: nvlm_generator                         */
    NVLM_BOOL_LIST = 11    /* pointer: const uint8_t*, length                 */
};

typedef struct nvlm_value {
    int32_t tag;
    int32_t length;
    union {
        int64_t integer;
        double number;
        void *pointer;
    };
} nvlm_value;

NVLM_API const char *nvlm_last_error(void);
NVLM_API void nvlm_free(void *memory);

/* ---- operators -------------------------------------------------------------------------------------------- */

/* Null when this libtorch has no such operator. Name "aten::add", overload "Tensor" (may be empty). */
NVLM_API nvlm_operator nvlm_operator_find(const char *name, const char *overload);

/* Boxed call. Arguments that are left out at the end take the schema's defaults. Results go to `results`
 * (at most `capacity`), their number to `result_count`. */
NVLM_API int nvlm_operator_call(nvlm_operator op, const nvlm_value *arguments, int32_t argument_count,
                                nvlm_value *results, int32_t capacity, int32_t *result_count);

/* ---- tensors ---------------------------------------------------------------------------------------------- */

NVLM_API void nvlm_tensor_release(nvlm_tensor tensor);
NVLM_API nvlm_tensor nvlm_tensor_retain(nvlm_tensor tensor);
NVLM_API int64_t nvlm_tensor_dim(nvlm_tensor tensor);
NVLM_API int64_t nvlm_tensor_numel(nvlm_tensor tensor);
NVLM_API int32_t nvlm_tensor_dtype(nvlm_tensor tensor);
NVLM_API int64_t nvlm_tensor_element_size(nvlm_tensor tensor);
NVLM_API void nvlm_tensor_device(nvlm_tensor tensor, int32_t *type, int32_t *index);
NVLM_API int nvlm_tensor_sizes(nvlm_tensor tensor, int64_t *sizes);
NVLM_API int nvlm_tensor_strides(nvlm_tensor tensor, int64_t *strides);
NVLM_API int64_t nvlm_tensor_storage_offset(nvlm_tensor tensor);
NVLM_API int32_t nvlm_tensor_is_contiguous(nvlm_tensor tensor);
NVLM_API int32_t nvlm_tensor_is_sparse(nvlm_tensor tensor);
NVLM_API int nvlm_tensor_data(nvlm_tensor tensor, void **data);
/* Copies host memory into a new CPU tensor. */
NVLM_API int nvlm_tensor_from_memory(const void *data, const int64_t *sizes, int32_t dim, int32_t dtype,
                                     nvlm_tensor *result);
/* A CPU tensor over memory that the caller keeps alive until `release(context)` is called. */
NVLM_API int nvlm_tensor_over_memory(void *data, const int64_t *sizes, int32_t dim, int32_t dtype,
                                     void (*release)(void *), void *context, nvlm_tensor *result);
/* Moves the tensor's data to another tensor's (`a.data = b`): identity, gradient edges and sharing stay. */
NVLM_API int nvlm_tensor_set_data(nvlm_tensor tensor, nvlm_tensor data);

/* ---- autograd --------------------------------------------------------------------------------------------- */

NVLM_API int32_t nvlm_tensor_requires_grad(nvlm_tensor tensor);
NVLM_API int nvlm_tensor_set_requires_grad(nvlm_tensor tensor, int32_t value);
NVLM_API int32_t nvlm_tensor_is_leaf(nvlm_tensor tensor);
NVLM_API int nvlm_tensor_grad(nvlm_tensor tensor, nvlm_tensor *grad);
NVLM_API int nvlm_tensor_set_grad(nvlm_tensor tensor, nvlm_tensor grad);
NVLM_API int nvlm_tensor_retain_grad(nvlm_tensor tensor);
NVLM_API int nvlm_backward(const nvlm_tensor *outputs, int32_t output_count, const nvlm_tensor *gradients,
                           int32_t gradient_count, int32_t retain_graph, int32_t create_graph,
                           const nvlm_tensor *inputs, int32_t input_count);
/* `results` receives input_count handles; null where an input was not used. */
NVLM_API int nvlm_grad(const nvlm_tensor *outputs, int32_t output_count, const nvlm_tensor *inputs,
                       int32_t input_count, const nvlm_tensor *gradients, int32_t gradient_count,
                       int32_t retain_graph, int32_t create_graph, int32_t allow_unused, nvlm_tensor *results);
NVLM_API int32_t nvlm_grad_mode(void);
NVLM_API void nvlm_set_grad_mode(int32_t enabled);
NVLM_API int32_t nvlm_inference_mode(void);
NVLM_API nvlm_inference_guard nvlm_inference_guard_new(int32_t enabled);
NVLM_API void nvlm_inference_guard_free(nvlm_inference_guard guard);
/* Bytes that tensors on the CPU hold more (or less) than when it began, by this thread and those that work for it; freed by the
 * thread that made it. read() returns them, fills in the most there were, and may begin that anew. */
NVLM_API nvlm_allocation_counter nvlm_allocation_counter_new(void);
NVLM_API void nvlm_allocation_counter_free(nvlm_allocation_counter counter);
NVLM_API int64_t nvlm_allocation_counter_read(nvlm_allocation_counter counter, int64_t *peak, int32_t reset_peak);
NVLM_API int32_t nvlm_anomaly_mode(void);
NVLM_API void nvlm_set_anomaly_mode(int32_t enabled, int32_t check_nan);

/* A function whose backward is the caller's. backward() gets borrowed gradients (null = none) and fills
 * `results` with owned handles; it returns null, or a malloc'd message on failure. */
typedef char *(*nvlm_backward_callback)(void *context, nvlm_node node, const nvlm_tensor *gradients,
                                        int32_t gradient_count, nvlm_tensor *results, int32_t result_count);
typedef void (*nvlm_release_callback)(void *context);

/* Ties outputs to inputs by a node. `outputs` is replaced by the differentiable outputs (owned handles).
 * `flags[i]` of output i: 1 = not differentiable. `dirty` are inputs changed in place. */
NVLM_API int nvlm_custom_function(const char *name, const nvlm_tensor *inputs, int32_t input_count,
                                  nvlm_tensor *outputs, const uint8_t *flags, int32_t output_count,
                                  const nvlm_tensor *dirty, int32_t dirty_count, const nvlm_tensor *saved,
                                  int32_t saved_count, int32_t materialize_grads, nvlm_backward_callback backward,
                                  nvlm_release_callback release, void *context);
NVLM_API int32_t nvlm_node_saved_count(nvlm_node node);
NVLM_API int nvlm_node_saved(nvlm_node node, nvlm_tensor *results);

/* Calls back after the gradient of a leaf was added to its .grad, once for each backward that reaches it; the callback
 * returns null, or a malloc'd message that backward() then throws. Lasts until the hook is freed. */
typedef char *(*nvlm_gradient_callback)(void *context);
NVLM_API int nvlm_gradient_hook(nvlm_tensor leaf, nvlm_gradient_callback callback, void *context, nvlm_hook *result);
NVLM_API void nvlm_gradient_hook_free(nvlm_hook hook);

/* ---- random numbers --------------------------------------------------------------------------------------- */

NVLM_API int nvlm_generator_new(int32_t device_type, int32_t device_index, uint64_t seed, nvlm_generator *result);
NVLM_API int nvlm_generator_default(int32_t device_type, int32_t device_index, nvlm_generator *result);
NVLM_API void nvlm_generator_free(nvlm_generator generator);
NVLM_API int nvlm_generator_set_seed(nvlm_generator generator, uint64_t seed);
NVLM_API int nvlm_generator_seed(nvlm_generator generator, uint64_t *seed);
NVLM_API int nvlm_generator_new_seed(nvlm_generator generator, uint64_t *seed);
NVLM_API int nvlm_generator_state(nvlm_generator generator, nvlm_tensor *state);
NVLM_API int nvlm_generator_set_state(nvlm_generator generator, nvlm_tensor state);
NVLM_API int nvlm_manual_seed(uint64_t seed);

/* ---- several processes: c10d ------------------------------------------------------------------------------ */

/* Whether this build can reduce over "gloo" (main memory) or "nccl" (CUDA). */
NVLM_API int32_t nvlm_distributed_has(const char *backend);

/* A key-value store over TCP: one process serves, the others connect, waiting up to the timeout for the server.
 * Port 0 of the server takes a free one. All keys get the prefix. */
NVLM_API int nvlm_store_new(const char *host, int32_t port, int32_t is_server, const char *prefix, int64_t timeout_ms,
                            nvlm_store *result);
NVLM_API void nvlm_store_free(nvlm_store store);
NVLM_API int32_t nvlm_store_port(nvlm_store store);
NVLM_API int nvlm_store_set(nvlm_store store, const char *key, const char *text);
/* Null text where the key is not set: this never waits. */
NVLM_API int nvlm_store_get(nvlm_store store, const char *key, char **text);
NVLM_API int nvlm_store_add(nvlm_store store, const char *key, int64_t amount, int64_t *sum);

/* Joins the group: returns when all ranks did. `address` is this process's own, for the other ranks to reach; null
 * takes the machine's. Tensors on CUDA go through nccl where this build has it, all others through gloo. */
NVLM_API int nvlm_group_new(nvlm_store store, int32_t rank, int32_t size, const char *address, int64_t timeout_ms,
                            nvlm_group *result);
/* Waits for pending work; `abandon` leaves it and the group's threads behind, for a process that is about to end. */
NVLM_API void nvlm_group_free(nvlm_group group, int32_t abandon);
/* Each starts a collective on contiguous tensors and gives a handle to wait for. Operations: 0 sum, 2 product, 3 min,
 * 4 max. All ranks must start the same ones in the same order. */
NVLM_API int nvlm_group_all_reduce(nvlm_group group, nvlm_tensor tensor, int32_t operation, nvlm_work *work);
NVLM_API int nvlm_group_broadcast(nvlm_group group, nvlm_tensor tensor, int32_t root, nvlm_work *work);
NVLM_API int nvlm_group_all_gather(nvlm_group group, const nvlm_tensor *outputs, int32_t count, nvlm_tensor input,
                                   nvlm_work *work);
NVLM_API int nvlm_group_barrier(nvlm_group group, nvlm_work *work);
/* Rank 0 waits for every other one and fails with the numbers of those that did not come. */
NVLM_API int nvlm_group_monitored_barrier(nvlm_group group, int64_t timeout_ms);
/* Waits up to timeout_ms (0: without end); `completed` says whether it is done. Fails when the work did. */
NVLM_API int nvlm_work_wait(nvlm_work work, int64_t timeout_ms, int32_t *completed);
NVLM_API int32_t nvlm_work_is_completed(nvlm_work work);
NVLM_API void nvlm_work_free(nvlm_work work);

/* ---- the process ------------------------------------------------------------------------------------------ */

NVLM_API int32_t nvlm_num_threads(void);
NVLM_API int nvlm_set_num_threads(int32_t count);
NVLM_API int32_t nvlm_num_interop_threads(void);
NVLM_API int nvlm_set_num_interop_threads(int32_t count);
NVLM_API int32_t nvlm_default_dtype(void);
NVLM_API int nvlm_set_default_dtype(int32_t dtype);
NVLM_API int32_t nvlm_cuda_available(void);
NVLM_API int32_t nvlm_cuda_device_count(void);
NVLM_API int nvlm_cuda_synchronize(int32_t index);
NVLM_API int32_t nvlm_allow_tf32(void);
NVLM_API void nvlm_set_allow_tf32(int32_t enabled);
/* "1.13.1"; libtorch's own description of how it was built; of its threads; its CPU code path ("AVX2"). */
NVLM_API const char *nvlm_torch_version(void);
NVLM_API char *nvlm_build_description(void);
NVLM_API char *nvlm_thread_description(void);

#ifdef __cplusplus
}
#endif

#endif
