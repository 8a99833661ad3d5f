// The matrix product over threads.
#include "common.h"

namespace nanovlm {
namespace {

// Products of at most this many rows are sums of dot products, as when one token a row is decoded: B is read once, and packing it would
// cost as much as the product.
constexpr int64_t kFewRows = 8;

bool few_rows(const Gemm& g) { return g.m <= kFewRows && g.a_column == 1 && g.b_row == 1 && !g.accumulate; }

// C is cut into a grid of at most as many pieces as threads; of the grids the one with the least packing and rounding is taken. Each piece
// is a product of its own over the whole of k, so its sums do not depend on the grid.
struct Grid {
    int64_t rows, columns, down, across;

    Grid(const Gemm& g, const Threads* available) : rows(g.m), columns(g.n) {
        const Kernels& kernels = cpu_kernels();
        const int64_t threads = double(g.m) * g.n * g.k < 1e5 ? 1 : count_of(available);
        const auto piece = [](int64_t size, int64_t pieces, int64_t tile) {
            return ((size + pieces - 1) / pieces + tile - 1) / tile * tile;
        };
        const double cost_a = g.a_type == kFloat && g.a_column == 1 ? 0 : 8, cost_b = 8;  // in columns (rows) of products
        double best = -1;
        for (int64_t a = 1; a <= threads; a++) {
            if (threads % a) continue;
            const int64_t r = piece(g.m, threads / a, kernels.tile_rows), c = piece(g.n, a, kernels.tile_columns);
            const double cost = double(r) * c + cost_a * r + cost_b * c;
            if (best < 0 || cost < best) best = cost, rows = r, columns = c;
        }
        down = (g.m + rows - 1) / rows, across = (g.n + columns - 1) / columns;
    }

    Gemm piece(const Gemm& g, int64_t i) const {
        const int64_t row = i % down * rows, column = i / down * columns;
        Gemm part = g;
        part.m = std::min(rows, g.m - row);
        part.n = std::min(columns, g.n - column);
        part.a = at(dtype(g.a_type), g.a, row * g.a_row);
        part.b = at(dtype(g.b_type), g.b, column * g.b_column);
        part.c = at(dtype(g.c_type), g.c, row * g.c_row + column);
        part.bias = g.bias ? g.bias + column : nullptr;
        return part;
    }

    // Floats a piece; the first is the largest.
    int64_t scratch(const Gemm& g) const { return whole_lines(cpu_kernels().gemm_scratch(piece(g, 0))); }
};

}  // namespace
}  // namespace nanovlm

using namespace nanovlm;

int64_t nanovlm_gemm_scratch(const nanovlm_product* product, const nanovlm_threads* threads) {
    if (product->m == 0 || product->n == 0 || few_rows(*product)) return 0;
    const Grid grid(*product, threads);
    return grid.down * grid.across * grid.scratch(*product) * 4;
}

void nanovlm_gemm(const nanovlm_product* product, void* scratch, const nanovlm_threads* threads) {
    const Gemm& g = *product;
    if (g.m == 0 || g.n == 0) return;
    const Kernels& kernels = cpu_kernels();
    if (few_rows(g)) {
        parallel_for(threads, g.n, std::max<int64_t>(16, 4 * kGrain / std::max<int64_t>(g.k, 1)), [&](int64_t begin, int64_t end) {
            Gemm part = g;
            part.n = end - begin;
            part.b = at(dtype(g.b_type), g.b, begin * g.b_column);
            part.c = at(dtype(g.c_type), g.c, begin);
            part.bias = g.bias ? g.bias + begin : nullptr;
            kernels.gemm_few_rows(part);
        });
        return;
    }
    const Grid grid(g, threads);
    const int64_t size = grid.scratch(g);
    parallel_for(threads, grid.down * grid.across, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) kernels.gemm(grid.piece(g, i), static_cast<float*>(scratch) + i * size);
    });
}
