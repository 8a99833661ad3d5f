// RMS norm, layer norm and the additions to the residual stream around them.
#include "common.h"

namespace nanovlm {
namespace {

// A sum of the stream is normed while it lies in the nearest cache.
int64_t rows_at_a_time(int64_t dim) { return std::max<int64_t>(1, 2048 / std::max<int64_t>(dim, 1)); }

constexpr int64_t kBlockRows = 64;
constexpr int64_t kSums = 3;  // of a block of rows: the gradients of weight, bias and branch_scale

}  // namespace
}  // namespace nanovlm

using namespace nanovlm;

void nanovlm_norm_forward(const nanovlm_norm* norm, const nanovlm_threads* threads) {
    const nanovlm_norm& n = *norm;
    const int64_t d = n.dim, rows = rows_at_a_time(d);
    const Dtype x_type = dtype(n.x_type), y_type = dtype(n.y_type), branch_type = dtype(n.branch_type);
    const Kernels& kernels = cpu_kernels();
    const auto forward = [&](int64_t first, int64_t count, const void* x, int64_t x_row) {
        kernels.norm[x_type][y_type](count, d, x_row, x, n.weight, n.add_one ? 1.0f : 0.0f, n.bias, n.eps, at(y_type, n.y, first * d),
                                     n.mean ? n.mean + first : nullptr, n.inverse + first);
    };
    parallel_for(threads, n.rows, row_grain(d), [&](int64_t begin, int64_t end) {
        if (!n.branch) return forward(begin, end - begin, at(x_type, n.x, begin * n.x_row), n.x_row);
        for (int64_t i = begin; i < end; i += rows) {
            const int64_t count = std::min(rows, end - i);
            kernels.add_residual[branch_type](count, d, n.x_row, static_cast<const float*>(n.x) + i * n.x_row,
                                              at(branch_type, n.branch, i * d), n.branch_scale, n.sum + i * d);
            forward(i, count, n.sum + i * d, d);
        }
    });
}

int64_t nanovlm_norm_backward_scratch(const nanovlm_norm* norm) {
    return Blocks(norm->rows, kBlockRows).count * whole_lines(kSums * norm->dim) * 4;
}

void nanovlm_norm_backward(const nanovlm_norm* norm, void* scratch, const nanovlm_threads* threads) {
    const nanovlm_norm& n = *norm;
    const int64_t d = n.dim, rows = rows_at_a_time(d), size = whole_lines(kSums * d);
    const Dtype x_type = dtype(n.x_type), y_type = dtype(n.y_type), branch_type = dtype(n.branch_type);
    const Blocks blocks(n.rows, kBlockRows);
    const Kernels& kernels = cpu_kernels();
    float* sums = static_cast<float*>(scratch);
    const bool branch = n.grad_branch || n.grad_branch_scale;
    parallel_for(threads, blocks.count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            float* part = sums + b * size;
            std::memset(part, 0, size * sizeof(float));
            const int64_t first = b * blocks.size, last = first + blocks.rows_of(b), step = branch ? rows : blocks.size;
            for (int64_t i = first; i < last; i += step) {
                const int64_t count = std::min(step, last - i);
                void* grad_x = at(x_type, n.grad_x, i * d);
                kernels.norm_backward[x_type][y_type](count, d, n.x_row, at(x_type, n.x, i * n.x_row), n.weight, n.add_one ? 1.0f : 0.0f,
                                                      n.mean ? n.mean + i : nullptr, n.inverse + i, at(y_type, n.grad_y, i * d),
                                                      n.grad_sum ? n.grad_sum + i * d : nullptr, grad_x, part,
                                                      n.grad_bias ? part + d : nullptr);
                if (branch)
                    kernels.add_residual_backward[branch_type](count, d, static_cast<const float*>(grad_x),
                                                               n.branch ? at(branch_type, n.branch, i * d) : nullptr, n.branch_scale,
                                                               n.grad_branch ? at(branch_type, n.grad_branch, i * d) : nullptr,
                                                               n.grad_branch_scale ? part + 2 * d : nullptr);
            }
        }
    });
    for (int64_t b = 1; b < blocks.count; b++) kernels.add_to[kFloat](kSums * d, sums + b * size, sums);
    float* totals[kSums] = {n.grad_weight, n.grad_bias, n.grad_branch_scale};
    for (int64_t i = 0; i < kSums; i++) {
        if (!totals[i]) continue;
        if (blocks.count == 0)
            std::memset(totals[i], 0, d * sizeof(float));
        else
            std::memcpy(totals[i], sums + i * d, d * sizeof(float));
    }
}

void nanovlm_add_residual(int64_t rows, int64_t dim, const float* x, const void* y, int32_t y_type, const float* scale, float* out,
                          const nanovlm_threads* threads) {
    parallel_for(threads, rows, row_grain(dim), [&](int64_t begin, int64_t end) {
        cpu_kernels().add_residual[y_type](end - begin, dim, dim, x + begin * dim, at(dtype(y_type), y, begin * dim), scale,
                                           out + begin * dim);
    });
}

int64_t nanovlm_add_residual_backward_scratch(int64_t rows, int64_t dim) {
    return Blocks(rows, kBlockRows).count * whole_lines(dim) * 4;
}

void nanovlm_add_residual_backward(int64_t rows, int64_t dim, const float* grad, const void* y, int32_t y_type, const float* scale,
                                   void* grad_y, float* grad_scale, void* scratch, const nanovlm_threads* threads) {
    const Blocks blocks(rows, kBlockRows);
    const int64_t size = whole_lines(dim);
    const Dtype type = dtype(y_type);
    float* sums = static_cast<float*>(scratch);
    parallel_for(threads, blocks.count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            const int64_t first = b * blocks.size * dim;
            float* part = sums + b * size;
            if (grad_scale) std::memset(part, 0, dim * sizeof(float));
            cpu_kernels().add_residual_backward[type](blocks.rows_of(b), dim, grad + first, y ? at(type, y, first) : nullptr, scale,
                                                      grad_y ? at(type, grad_y, first) : nullptr, grad_scale ? part : nullptr);
        }
    });
    if (!grad_scale) return;
    std::memset(grad_scale, 0, dim * sizeof(float));
    for (int64_t b = 0; b < blocks.count; b++) cpu_kernels().add_to[kFloat](dim, sums + b * size, grad_scale);
}
