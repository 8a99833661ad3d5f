// nanovlm::cached_attention(Tensor q, Tensor k, Tensor v, Tensor(a!) keys, Tensor(b!) values, Tensor rows, Tensor lengths, float scale) -> Tensor
//   One token a row: q [B, 1, H, D], k and v [B, 1, G, D] with H a multiple of G, one dtype. Row b's keys and values are those of row rows[b] of the
//   caches [R, S, G, D], contiguous, which holds lengths[b] tokens so far: the new one goes to slot lengths[b] mod S, so that the caches keep the
//   last S tokens, and the query sees all that are held. rows and lengths [B], int64; no row twice. Result [B, 1, H, D]. No gradients.
#include <algorithm>
#include <cstring>

#include "common.h"

namespace nanovlm {
namespace {

Tensor cached_attention(const Tensor& query, const Tensor& key, const Tensor& val, const Tensor& keys, const Tensor& values, const Tensor& rows,
                        const Tensor& lengths, double scale) {
    check_float("cached_attention", "q", query);
    TORCH_CHECK(query.dim() == 4 && key.dim() == 4 && query.size(1) == 1 && key.size(1) == 1 && key.sizes() == val.sizes() &&
                    query.size(0) == key.size(0) && query.size(3) == key.size(3) && key.size(2) > 0 && query.size(2) % key.size(2) == 0,
                "nanovlm::cached_attention: q ", query.sizes(), ", k ", key.sizes(), ", v ", val.sizes(),
                "; expected [B, 1, H, D], [B, 1, G, D] twice, H a multiple of G");
    TORCH_CHECK(keys.dim() == 4 && keys.sizes() == values.sizes() && keys.size(1) > 0 && keys.size(2) == key.size(2) && keys.size(3) == key.size(3) &&
                    keys.is_contiguous() && values.is_contiguous(),
                "nanovlm::cached_attention: keys ", keys.sizes(), ", values ", values.sizes(), "; expected [R, S, ", key.size(2), ", ", key.size(3),
                "] twice, contiguous");
    for (const Tensor& t : {key, val, keys, values})
        TORCH_CHECK(t.scalar_type() == query.scalar_type(), "nanovlm::cached_attention: q ", query.scalar_type(), " and ", t.scalar_type(), " differ");
    const int64_t batch = query.size(0), heads = query.size(2), groups = key.size(2), dim = query.size(3), slots = keys.size(1), group = heads / groups;
    const auto read = [&](const char* name, const Tensor& t) {
        TORCH_CHECK(t.scalar_type() == at::kLong && t.dim() == 1 && t.size(0) == batch, "nanovlm::cached_attention: ", name, " ", t.sizes(), " ",
                    t.scalar_type(), "; expected int64 [", batch, "]");
        return t.contiguous();
    };
    const Tensor row_of = read("rows", rows), held_of = read("lengths", lengths);
    const auto* row = static_cast<const int64_t*>(row_of.data_ptr());
    const auto* held = static_cast<const int64_t*>(held_of.data_ptr());
    int64_t work = 0;
    for (int64_t b = 0; b < batch; b++) {
        TORCH_CHECK(row[b] >= 0 && row[b] < keys.size(0) && held[b] >= 0, "nanovlm::cached_attention: row ", row[b], " of ", keys.size(0),
                    " with ", held[b], " tokens");
        work += std::min(held[b] + 1, slots) * heads * dim;
    }
    const Tensor q = query.contiguous(), k = key.contiguous(), v = val.contiguous();
    Tensor out = at::empty(q.sizes(), q.options());
    const int64_t tasks = batch * groups, token = groups * dim, grain = std::max<int64_t>(1, 4 * kGrain * tasks / std::max<int64_t>(work, 1));
    at::parallel_for(0, tasks, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t b = i / groups, g = i % groups, start = row[b] * slots * token + g * dim, slot = start + held[b] % slots * token;
            const size_t bytes = dim * q.element_size();
            std::memcpy(pointer(keys, slot), pointer(k, i * dim), bytes);
            std::memcpy(pointer(values, slot), pointer(v, i * dim), bytes);
            const CachedAttention a{dtype_of(q), std::min(held[b] + 1, slots), dim, group, token, static_cast<float>(scale), pointer(q, i * group * dim),
                                    pointer(keys, start), pointer(values, start), pointer(out, i * group * dim)};
            cpu_kernels().cached_attention(a, scratch(group * (a.keys + dim + 17)));
        }
    });
    return out;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) {
    m.def(
        "cached_attention(Tensor q, Tensor k, Tensor v, Tensor(a!) keys, Tensor(b!) values, Tensor rows, Tensor lengths, float scale) -> Tensor");
}
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) { m.impl("cached_attention", cached_attention); }

}  // namespace nanovlm
