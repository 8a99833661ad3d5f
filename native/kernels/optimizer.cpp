// AdamW and the norm of the gradients, over lists of arrays in one parallel loop of blocks.
#include <cmath>

#include "common.h"

namespace nanovlm {
namespace {

constexpr int64_t kBlock = 16384;

int64_t blocks_of(int64_t size) { return (size + kBlock - 1) / kBlock; }

template <class Array>
int64_t all_blocks(int64_t count, const Array* arrays) {
    int64_t blocks = 0;
    for (int64_t i = 0; i < count; i++) blocks += blocks_of(arrays[i].size);
    return blocks;
}

// Calls body(array, begin, size, block) for blocks [first, last) of all.
template <class Array, class Body>
void over_blocks(const Array* array, int64_t first, int64_t last, const Body& body) {
    int64_t before = 0;  // blocks of the arrays that went by
    for (int64_t block = first; block < last; block++) {
        while (block - before >= blocks_of(array->size)) before += blocks_of(array++->size);
        const int64_t begin = (block - before) * kBlock;
        body(*array, begin, std::min(kBlock, array->size - begin), block);
    }
}

}  // namespace
}  // namespace nanovlm

using namespace nanovlm;

void nanovlm_adamw(int64_t count, const nanovlm_parameter* parameters, const nanovlm_adamw_options* options,
                   const nanovlm_threads* threads) {
    const nanovlm_adamw_options& o = *options;
    const double correction1 = 1 - std::pow(o.beta1, double(o.step)), correction2 = 1 - std::pow(o.beta2, double(o.step));
    const AdamW step{float(o.lr),           float(o.beta1),     float(o.beta2),                float(o.eps),
                     float(o.weight_decay), float(correction1), float(std::sqrt(correction2)), float(o.grad_scale)};
    parallel_for(threads, all_blocks(count, parameters), 1, [&](int64_t first, int64_t last) {
        over_blocks(parameters, first, last, [&](const nanovlm_parameter& p, int64_t begin, int64_t size, int64_t) {
            const Dtype type = dtype(p.average_type);
            cpu_kernels().adamw[type](size, p.value + begin, p.gradient + begin, at(type, p.average, begin),
                                      at(type, p.average_square, begin), step);
        });
    });
}

int64_t nanovlm_sum_squares_scratch(int64_t count, const nanovlm_array* arrays) { return all_blocks(count, arrays) * 8; }

double nanovlm_sum_squares(int64_t count, const nanovlm_array* arrays, void* scratch, const nanovlm_threads* threads) {
    const int64_t blocks = all_blocks(count, arrays);
    double *sums = static_cast<double*>(scratch), total = 0;
    parallel_for(threads, blocks, 1, [&](int64_t first, int64_t last) {
        over_blocks(arrays, first, last, [&](const nanovlm_array& a, int64_t begin, int64_t size, int64_t block) {
            sums[block] = cpu_kernels().sum_squares[a.type](size, at(dtype(a.type), a.data, begin));
        });
    });
    for (int64_t i = 0; i < blocks; i++) total += sums[i];
    return total;
}
