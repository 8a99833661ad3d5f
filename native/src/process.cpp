// What holds for the whole process: threads, default dtype, CUDA, and what libtorch says of itself.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/DefaultDtype.h>
#include <torch/version.h>

#include "handles.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace nanovlm;

#ifdef __GLIBC__
// A training step frees its large buffers and asks for the same ones in the next: kept, they need not be mapped and
// zeroed by the kernel again, which took 7 % of a step.
[[gnu::constructor]] static void keep_freed_memory() {
    mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc accepts
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
}
#endif

int32_t nvlm_num_threads(void) { return at::get_num_threads(); }
int nvlm_set_num_threads(int32_t count) {
    return guarded([&] { at::set_num_threads(count); });
}
int32_t nvlm_num_interop_threads(void) { return at::get_num_interop_threads(); }
int nvlm_set_num_interop_threads(int32_t count) {
    return guarded([&] { at::set_num_interop_threads(count); });
}

int32_t nvlm_default_dtype(void) { return static_cast<int32_t>(c10::get_default_dtype_as_scalartype()); }
int nvlm_set_default_dtype(int32_t dtype) {
    return guarded([&] { c10::set_default_dtype(c10::scalarTypeToTypeMeta(static_cast<c10::ScalarType>(dtype))); });
}

int32_t nvlm_cuda_available(void) { return nvlm_cuda_device_count() > 0; }
int32_t nvlm_cuda_device_count(void) {
    try {
        return at::detail::getCUDAHooks().getNumGPUs();
    } catch (...) {
        return 0;
    }
}
int nvlm_cuda_synchronize(int32_t index) {
    return guarded([&] { at::detail::getCUDAHooks().deviceSynchronize(static_cast<c10::DeviceIndex>(index)); });
}

int32_t nvlm_allow_tf32(void) { return at::globalContext().allowTF32CuBLAS(); }
void nvlm_set_allow_tf32(int32_t enabled) {
    at::globalContext().setAllowTF32CuBLAS(enabled != 0);
    at::globalContext().setAllowTF32CuDNN(enabled != 0);
}

const char *nvlm_torch_version(void) { return TORCH_VERSION; }
char *nvlm_build_description(void) { return copy_string(at::show_config()); }
char *nvlm_thread_description(void) { return copy_string(at::get_parallel_info()); }
