// The rotary embedding, a token at a time.
#include "common.h"

using namespace nanovlm;

void nanovlm_rotate(const nanovlm_rotary* rotary, const nanovlm_threads* threads) {
    const nanovlm_rotary& r = *rotary;
    const Dtype type = dtype(r.type);
    parallel_for(threads, r.batch * r.tokens, row_grain(r.heads * r.dim), [&](int64_t begin, int64_t end) {
        const auto kernel = cpu_kernels().rotary[type];
        for (int64_t i = begin; i < end; i++) {
            const int64_t b = i / r.tokens, t = i % r.tokens, angle = b * r.angle_batch + t * r.dim;
            for (int64_t h = 0; h < r.heads; h++)
                kernel(r.dim, at(type, r.x, b, t, h), r.cos + angle, r.sin + angle, r.backward != 0, at(type, r.y, b, t, h));
        }
    });
}
