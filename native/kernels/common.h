// What the operators share: threads, scratch and typed addresses.
#pragma once
#include <algorithm>
#include <cstring>

#include "kernels.h"

namespace nanovlm {

using Threads = nanovlm_threads;

// Elements a thread takes at the least: below this, starting it costs more than it saves.
constexpr int64_t kGrain = 4096;

inline int64_t count_of(const Threads* threads) { return threads && threads->parallel_for ? std::max<int64_t>(threads->count, 1) : 1; }

// Calls body(begin, end) over pieces of [0, n) of at least `grain`, on the caller's threads.
template <class Body>
void parallel_for(const Threads* threads, int64_t n, int64_t grain, const Body& body) {
    if (n <= 0) return;
    if (n <= grain || count_of(threads) == 1) return body(0, n);
    const auto call = [](int64_t begin, int64_t end, void* context) { (*static_cast<const Body*>(context))(begin, end); };
    threads->parallel_for(0, n, grain, call, const_cast<Body*>(&body));
}

// Tasks that need scratch are cut into slices, each with a part of its own: which thread runs which slice, and whether one runs them all,
// is the caller's affair.
inline int64_t slices_of(const Threads* threads, int64_t tasks, int64_t grain = 1) {
    return std::max<int64_t>(1, std::min(count_of(threads), (tasks + grain - 1) / grain));
}

// Calls body(slice, begin, end) for each slice.
template <class Body>
void over_slices(const Threads* threads, int64_t tasks, int64_t slices, const Body& body) {
    parallel_for(threads, slices, 1, [&](int64_t first, int64_t last) {
        for (int64_t s = first; s < last; s++) body(s, tasks * s / slices, tasks * (s + 1) / slices);
    });
}

// Rows at a time for a loop over rows of d elements.
inline int64_t row_grain(int64_t d) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(d, 1)); }

// Blocks of rows whose sums are added in order: their number does not depend on the number of threads.
struct Blocks {
    int64_t rows, size, count;
    Blocks(int64_t rows, int64_t least) : rows(rows), size(std::max(least, (rows + 63) / 64)), count((rows + size - 1) / size) {}
    int64_t rows_of(int64_t block) const { return std::min(size, rows - block * size); }
};

inline int64_t whole_lines(int64_t floats) { return (floats + 15) / 16 * 16; }
inline int64_t bytes_of(Dtype type) { return type == kFloat ? 4 : 2; }
inline Dtype dtype(int32_t type) { return static_cast<Dtype>(type); }

inline const void* at(Dtype type, const void* p, int64_t elements) { return static_cast<const char*>(p) + elements * bytes_of(type); }
inline void* at(Dtype type, void* p, int64_t elements) { return static_cast<char*>(p) + elements * bytes_of(type); }
inline void* at(Dtype type, const nanovlm_heads& h, int64_t batch, int64_t token, int64_t head) {
    return at(type, h.data, batch * h.batch + token * h.token + head * h.head);
}

// The position of the first index outside [0, limit), or -1.
inline int64_t first_outside(int64_t count, const int64_t* index, int64_t limit) {
    for (int64_t i = 0; i < count; i++)
        if (index[i] < 0 || index[i] >= limit) return i;
    return -1;
}

}  // namespace nanovlm
