// Attention of one new token a row to cached keys and values.
#include "common.h"

namespace nanovlm {
namespace {

struct Plan {
    int64_t tasks, slices, floats;  // floats of scratch a slice

    Plan(const nanovlm_cached_attention& a, const Threads* threads) : tasks(a.batch * a.groups) {
        int64_t held = 0, most = 0;
        for (int64_t b = 0; b < a.batch; b++) {
            const int64_t keys = std::min(a.lengths[b] + 1, a.slots);
            held += keys, most = std::max(most, keys);
        }
        const int64_t work = std::max<int64_t>(held * a.heads * a.dim, 1);
        slices = slices_of(threads, tasks, std::max<int64_t>(1, 4 * kGrain * tasks / work));
        floats = whole_lines(a.groups > 0 ? a.heads / a.groups * (most + a.dim + 17) : 0);
    }
};

}  // namespace
}  // namespace nanovlm

using namespace nanovlm;

int64_t nanovlm_attend_cached_scratch(const nanovlm_cached_attention* attention, const nanovlm_threads* threads) {
    const Plan plan(*attention, threads);
    return plan.slices * plan.floats * 4;
}

int64_t nanovlm_attend_cached(const nanovlm_cached_attention* attention, void* scratch, const nanovlm_threads* threads) {
    const nanovlm_cached_attention& a = *attention;
    for (int64_t b = 0; b < a.batch; b++)
        if (a.rows[b] < 0 || a.rows[b] >= a.cache_rows || a.lengths[b] < 0) return b;
    const Plan plan(a, threads);
    const Dtype type = dtype(a.type);
    const int64_t group = a.heads / a.groups, token = a.groups * a.dim;
    over_slices(threads, plan.tasks, plan.slices, [&](int64_t slice, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t b = i / a.groups, g = i % a.groups, start = a.rows[b] * a.slots * token + g * a.dim;
            const int64_t slot = start + a.lengths[b] % a.slots * token, bytes = a.dim * bytes_of(type);
            std::memcpy(at(type, a.keys, slot), at(type, a.k, i * a.dim), bytes);
            std::memcpy(at(type, a.values, slot), at(type, a.v, i * a.dim), bytes);
            const int64_t keys = std::min(a.lengths[b] + 1, a.slots), query = i * group * a.dim;
            const CachedAttention head{type, keys, a.dim, group, token, a.scale, at(type, a.q, query),
                                       at(type, a.keys, start), at(type, a.values, start), at(type, a.out, query)};
            cpu_kernels().cached_attention(head, static_cast<float*>(scratch) + slice * plan.floats);
        }
    });
    return -1;
}
