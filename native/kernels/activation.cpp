// GELU (tanh) and SwiGLU.
#include "common.h"

using namespace nanovlm;

void nanovlm_gelu_tanh(int64_t n, const void* x, void* y, int32_t type, const nanovlm_threads* threads) {
    const Dtype t = dtype(type);
    parallel_for(threads, n, kGrain, [&](int64_t i, int64_t end) { cpu_kernels().gelu[t](end - i, at(t, x, i), at(t, y, i)); });
}

void nanovlm_gelu_tanh_backward(int64_t n, const void* x, const void* grad, void* grad_x, int32_t type, const nanovlm_threads* threads) {
    const Dtype t = dtype(type);
    parallel_for(threads, n, kGrain, [&](int64_t i, int64_t end) {
        cpu_kernels().gelu_backward[t](end - i, at(t, x, i), at(t, grad, i), at(t, grad_x, i));
    });
}

void nanovlm_swiglu(int64_t n, const void* gate, const void* up, void* y, int32_t type, const nanovlm_threads* threads) {
    const Dtype t = dtype(type);
    parallel_for(threads, n, kGrain,
                 [&](int64_t i, int64_t end) { cpu_kernels().swiglu[t](end - i, at(t, gate, i), at(t, up, i), at(t, y, i)); });
}

void nanovlm_swiglu_backward(int64_t n, const void* gate, const void* up, const void* grad, void* grad_gate, void* grad_up, int32_t type,
                             const nanovlm_threads* threads) {
    const Dtype t = dtype(type);
    parallel_for(threads, n, kGrain, [&](int64_t i, int64_t end) {
        cpu_kernels().swiglu_backward[t](end - i, at(t, gate, i), at(t, up, i), at(t, grad, i), at(t, grad_gate, i), at(t, grad_up, i));
    });
}
