// Cross-entropy of rows of logits.
#include "common.h"

using namespace nanovlm;

int64_t nanovlm_cross_entropy(int64_t rows, int64_t classes, float* logits, const int64_t* targets, double* losses, void* grad,
                              int32_t grad_type, const nanovlm_threads* threads) {
    const int64_t outside = first_outside(rows, targets, classes);
    if (outside >= 0) return outside;
    const Dtype type = dtype(grad_type);
    parallel_for(threads, rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++)
            losses[i] =
                cpu_kernels().cross_entropy[type](classes, logits + i * classes, targets[i], grad ? at(type, grad, i * classes) : nullptr);
    });
    return -1;
}
