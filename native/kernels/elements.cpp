// Sums over rows, conversions and additions.
#include "common.h"

namespace nanovlm {
namespace {

constexpr int64_t kBlockRows = 256;

}  // namespace
}  // namespace nanovlm

using namespace nanovlm;

int64_t nanovlm_column_sum_scratch(int64_t rows, int64_t columns) { return Blocks(rows, kBlockRows).count * whole_lines(columns) * 4; }

void nanovlm_column_sum(int64_t rows, int64_t columns, const void* x, int64_t x_row, int32_t x_type, float* total, void* scratch,
                        const nanovlm_threads* threads) {
    const Blocks blocks(rows, kBlockRows);
    const Kernels& kernels = cpu_kernels();
    const int64_t size = whole_lines(columns);
    const Dtype type = dtype(x_type);
    float* sums = static_cast<float*>(scratch);
    parallel_for(threads, blocks.count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            std::memset(sums + b * size, 0, columns * sizeof(float));
            kernels.column_sum[type](blocks.rows_of(b), columns, x_row, at(type, x, b * blocks.size * x_row), sums + b * size);
        }
    });
    std::memset(total, 0, columns * sizeof(float));
    for (int64_t b = 0; b < blocks.count; b++) kernels.add_to[kFloat](columns, sums + b * size, total);
}

void nanovlm_convert(int64_t n, const void* from, int32_t from_type, void* to, int32_t to_type, const nanovlm_threads* threads) {
    const Dtype f = dtype(from_type), t = dtype(to_type);
    parallel_for(threads, n, kGrain, [&](int64_t i, int64_t end) {
        if (f == t)
            std::memcpy(at(t, to, i), at(f, from, i), (end - i) * bytes_of(t));
        else if (f == kFloat)
            cpu_kernels().from_float[t](end - i, static_cast<const float*>(from) + i, at(t, to, i));
        else
            cpu_kernels().to_float[f](end - i, at(f, from, i), static_cast<float*>(to) + i);
    });
}

void nanovlm_add_to(int64_t n, const void* x, int32_t x_type, float* y, const nanovlm_threads* threads) {
    const Dtype type = dtype(x_type);
    parallel_for(threads, n, kGrain, [&](int64_t i, int64_t end) { cpu_kernels().add_to[type](end - i, at(type, x, i), y + i); });
}
