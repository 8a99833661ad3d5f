// Rows of a table by id, their gradient, and rows copied by index.
#include "common.h"

using namespace nanovlm;

int64_t nanovlm_embedding(int64_t vocabulary, int64_t dim, const void* weight, int64_t weight_row, int32_t weight_type, int64_t count,
                          const int64_t* ids, void* out, int32_t out_type, const nanovlm_threads* threads) {
    const int64_t outside = first_outside(count, ids, vocabulary);
    if (outside >= 0) return outside;
    const Kernels& kernels = cpu_kernels();
    const Dtype from = dtype(weight_type), to = dtype(out_type);
    parallel_for(threads, count, row_grain(dim), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const void* row = at(from, weight, ids[i] * weight_row);
            if (from == to)
                std::memcpy(at(to, out, i * dim), row, dim * bytes_of(to));
            else if (from == kFloat)
                kernels.from_float[to](dim, static_cast<const float*>(row), at(to, out, i * dim));
            else
                kernels.to_float[from](dim, row, static_cast<float*>(at(to, out, i * dim)));
        }
    });
    return -1;
}

int64_t nanovlm_embedding_backward_scratch(int64_t vocabulary, int64_t count) { return (vocabulary + 1 + count) * 8; }

int64_t nanovlm_embedding_backward(int64_t vocabulary, int64_t dim, int64_t count, const int64_t* ids, const void* grad, int32_t grad_type,
                                   float* total, void* scratch, const nanovlm_threads* threads) {
    const int64_t outside = first_outside(count, ids, vocabulary);
    if (outside >= 0) return outside;
    // A counting sort: order[start[v]..start[v + 1]) are the positions of id v, in order. It is filled from the back, which moves each
    // start from the end of its positions to their beginning.
    int64_t *start = static_cast<int64_t*>(scratch), *order = start + vocabulary + 1;
    std::fill(start, start + vocabulary + 1, 0);
    for (int64_t i = 0; i < count; i++) start[ids[i]]++;
    for (int64_t v = 0; v < vocabulary; v++) start[v + 1] += start[v];
    for (int64_t i = count; i-- > 0;) order[--start[ids[i]]] = i;
    const Dtype type = dtype(grad_type);
    parallel_for(threads, vocabulary, 16, [&](int64_t begin, int64_t end) {
        for (int64_t v = begin; v < end; v++)
            for (int64_t i = start[v]; i < start[v + 1]; i++)
                cpu_kernels().add_to[type](dim, at(type, grad, order[i] * dim), total + v * dim);
    });
    return -1;
}

void nanovlm_gather_rows(int64_t count, int64_t row_bytes, const int64_t* index, const void* from, int64_t from_row, void* to,
                         int64_t to_row, const nanovlm_threads* threads) {
    parallel_for(threads, count, row_grain(row_bytes / 4), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++)
            std::memcpy(static_cast<char*>(to) + i * to_row, static_cast<const char*>(from) + index[i] * from_row, row_bytes);
    });
}

void nanovlm_scatter_rows(int64_t count, int64_t row_bytes, const int64_t* index, const void* from, int64_t from_row, void* to,
                          int64_t to_row, const nanovlm_threads* threads) {
    parallel_for(threads, count, row_grain(row_bytes / 4), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++)
            std::memcpy(static_cast<char*>(to) + index[i] * to_row, static_cast<const char*>(from) + i * from_row, row_bytes);
    });
}
