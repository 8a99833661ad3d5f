#include "common.h"

#include <cstdlib>
#include <memory>

namespace nanovlm {

Tensor as_rows(const Tensor& t) {
    Tensor rows = t.dim() == 2 ? t : t.reshape({t.dim() == 0 || t.numel() == 0 ? 0 : t.numel() / t.size(-1), t.dim() == 0 ? 1 : t.size(-1)});
    return rows.size(1) <= 1 || rows.stride(1) == 1 ? rows : rows.contiguous();
}

float* scratch(int64_t count) {
    struct Free {
        void operator()(void* p) const { std::free(p); }
    };
    thread_local std::unique_ptr<void, Free> memory;
    thread_local int64_t size = 0;
    if (size < count) {
        memory.reset();
        const size_t bytes = (static_cast<size_t>(count) * sizeof(float) + 63) / 64 * 64;
        memory.reset(std::aligned_alloc(64, bytes));
        TORCH_CHECK(memory, "nanovlm: no memory for ", bytes, " bytes of scratch");
        size = count;
    }
    return static_cast<float*>(memory.get());
}

// C is cut into a grid of as many pieces as threads; of the grids the one with the least packing and rounding is
// taken. Each piece is a product of its own over the whole of k, so its sums do not depend on the grid.
void gemm(const Gemm& g) {
    if (g.m == 0 || g.n == 0) return;
    const Kernels& kernels = cpu_kernels();
    const auto offset = [](const void* p, Dtype type, int64_t elements) { return (const char*)p + elements * (type == kFloat ? 4 : 2); };
    // Decoding: B is read once, and packing it would cost as much as the product.
    if (g.m <= kFewRows && g.a_column == 1 && g.b_row == 1 && !g.accumulate) {
        at::parallel_for(0, g.n, std::max<int64_t>(16, 4 * kGrain / std::max<int64_t>(g.k, 1)), [&](int64_t begin, int64_t end) {
            Gemm part = g;
            part.n = end - begin;
            part.b = offset(g.b, g.b_type, begin * g.b_column);
            part.c = (void*)offset(g.c, g.c_type, begin);
            part.bias = g.bias ? g.bias + begin : nullptr;
            kernels.gemm_few_rows(part);
        });
        return;
    }
    const int64_t threads = at::in_parallel_region() || double(g.m) * g.n * g.k < 1e5 ? 1 : at::get_num_threads();
    const auto piece = [](int64_t size, int64_t pieces, int64_t tile) { return ((size + pieces - 1) / pieces + tile - 1) / tile * tile; };
    const double cost_a = g.a_type == kFloat && g.a_column == 1 ? 0 : 8, cost_b = 8;  // in columns (rows) of products
    int64_t best_rows = g.m, best_columns = g.n;
    double best = -1;
    for (int64_t across = 1; across <= threads; across++) {
        if (threads % across) continue;
        const int64_t rows = piece(g.m, threads / across, kernels.tile_rows), columns = piece(g.n, across, kernels.tile_columns);
        const double cost = double(rows) * columns + cost_a * rows + cost_b * columns;
        if (best < 0 || cost < best) best = cost, best_rows = rows, best_columns = columns;
    }
    const int64_t down = (g.m + best_rows - 1) / best_rows, across = (g.n + best_columns - 1) / best_columns;
    at::parallel_for(0, down * across, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t row = i % down * best_rows, column = i / down * best_columns;
            Gemm part = g;
            part.m = std::min(best_rows, g.m - row);
            part.n = std::min(best_columns, g.n - column);
            part.a = offset(g.a, g.a_type, row * g.a_row);
            part.b = offset(g.b, g.b_type, column * g.b_column);
            part.c = (void*)offset(g.c, g.c_type, row * g.c_row + column);
            part.bias = g.bias ? g.bias + column : nullptr;
            kernels.gemm(part, scratch(kernels.gemm_scratch(part)));
        }
    });
}

Tensor matmul(const Tensor& a, const Tensor& b, at::ScalarType result, const Tensor& bias) {
    if (a.scalar_type() == at::kBFloat16 && bfloat16_hardware() && a.numel() > 0 && b.numel() > 0) {
        const Tensor narrow = b.to(at::kBFloat16);
        return (bias.defined() ? at::addmm(bias.to(at::kBFloat16), a, narrow) : at::mm(a, narrow)).to(result);
    }
    Tensor c = at::empty({a.size(0), b.size(1)}, a.options().dtype(result));
    gemm(Gemm{a.size(0), b.size(1), a.size(1), a.data_ptr(), dtype_of(a), a.stride(0), a.stride(1), b.data_ptr(), dtype_of(b), b.stride(0),
              b.stride(1), c.data_ptr(), dtype_of(c), c.size(1), floats(bias), false});
    return c;
}

Tensor product_weight(const Tensor& weight, at::ScalarType dtype) {
    if (dtype != at::kBFloat16 || weight.scalar_type() != at::kFloat || !bfloat16_hardware()) return weight;
    const Tensor from = weight.contiguous();
    Tensor narrow = at::empty(from.sizes(), from.options().dtype(at::kBFloat16));
    at::parallel_for(0, from.numel(), kGrain, [&](int64_t begin, int64_t end) {
        cpu_kernels().from_float[kBfloat16](end - begin, floats(from) + begin, pointer(narrow, begin));
    });
    return narrow;
}

Tensor column_sum(const Tensor& rows) {
    // Blocks of rows are fixed, so the result is the same for every number of threads.
    const int64_t count = rows.size(0), columns = rows.size(1), block = std::max<int64_t>(256, (count + 63) / 64);
    const int64_t blocks = (count + block - 1) / block;
    if (blocks == 0) return at::zeros({columns}, rows.options().dtype(at::kFloat));
    Tensor parts = at::empty({blocks, columns}, rows.options().dtype(at::kFloat));
    const Kernels& kernels = cpu_kernels();
    const Dtype type = dtype_of(rows);
    at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            float* to = static_cast<float*>(pointer(parts, i * columns));
            std::fill(to, to + columns, 0.0f);
            kernels.column_sum[type](std::min(block, count - i * block), columns, rows.stride(0), pointer(rows, i * block * rows.stride(0)), to);
        }
    });
    float* total = static_cast<float*>(parts.data_ptr());
    for (int64_t i = 1; i < blocks; i++) kernels.add_to[kFloat](columns, total + i * columns, total);
    return parts[0];
}

}  // namespace nanovlm
