// Attention of one token to cached keys.
//
// Keys and values go by in blocks that stay in the nearest cache while all heads of the group see them. Sums over keys run in
// their order, one vector of sums for each part of a head.

constexpr int64_t kCachedKeys = 32;

// scores[j] = q k[j] scale, for the keys from first to last.
template <class T>
NANOVLM_INLINE void cached_scores(const CachedAttention& a, const T* q, const T* k, int64_t first, int64_t last, float* scores) {
    int64_t j = first;
    for (; j + 4 <= last; j += 4) {
        F s0{}, s1{}, s2{}, s3{};
        const T* key = k + j * a.row;
        for_lanes(a.dim, [&](int64_t d, auto lanes) {
            const F x = lanes.load(q + d);
            s0 += x * lanes.load(key + d), s1 += x * lanes.load(key + a.row + d);
            s2 += x * lanes.load(key + 2 * a.row + d), s3 += x * lanes.load(key + 3 * a.row + d);
        });
        scores[j] = sum_halves(s0) * a.scale, scores[j + 1] = sum_halves(s1) * a.scale;
        scores[j + 2] = sum_halves(s2) * a.scale, scores[j + 3] = sum_halves(s3) * a.scale;
    }
    for (; j < last; j++) {
        F s{};
        for_lanes(a.dim, [&](int64_t d, auto lanes) { s += lanes.load(q + d) * lanes.load(k + j * a.row + d); });
        scores[j] = sum_halves(s) * a.scale;
    }
}

// sums += p[j] v[j], for the keys from first to last.
template <class T>
NANOVLM_INLINE void cached_values(const CachedAttention& a, const T* v, int64_t first, int64_t last, const float* p, float* sums) {
    int64_t d = 0;
    for (; d + 4 * W <= a.dim; d += 4 * W) {
        F x0 = load(sums + d), x1 = load(sums + d + W), x2 = load(sums + d + 2 * W), x3 = load(sums + d + 3 * W);
        for (int64_t j = first; j < last; j++) {
            const T* value = v + j * a.row + d;
            const F weight = splat(p[j]);
            x0 += load(value) * weight, x1 += load(value + W) * weight, x2 += load(value + 2 * W) * weight,
                x3 += load(value + 3 * W) * weight;
        }
        store(sums + d, x0), store(sums + d + W, x1), store(sums + d + 2 * W, x2), store(sums + d + 3 * W, x3);
    }
    const auto rest = [&](int64_t at, auto lanes) {
        F x = lanes.load(sums + at);
        for (int64_t j = first; j < last; j++) x += lanes.load(v + j * a.row + at) * splat(p[j]);
        lanes.store(sums + at, x);
    };
    for (; d + W <= a.dim; d += W) rest(d, Whole{});
    if (d < a.dim) rest(d, Part{a.dim - d});
}

template <class T>
static void attend_cached(const CachedAttention& a, float* scratch) {
    const T *q = (const T*)a.q, *k = (const T*)a.k, *v = (const T*)a.v;
    T* out = (T*)a.out;
    const int64_t n = a.keys, row = round_up(n, W);
    float* sums = scratch + a.group * row;
    for (int64_t j = 0; j < n; j += kCachedKeys)
        for (int64_t h = 0; h < a.group; h++) cached_scores(a, q + h * a.dim, k, j, at_most(j + kCachedKeys, n), scratch + h * row);
    for (int64_t h = 0; h < a.group; h++) {
        float* scores = scratch + h * row;
        for (int64_t j = n; j < row; j++) scores[j] = -__builtin_inff();
        F most = load(scores);
        for (int64_t i = W; i < row; i += W) most = larger(most, load(scores + i));
        const F top = splat(largest(most));
        F total{};
        for (int64_t i = 0; i < row; i += W) {
            const F p = exponential(load(scores + i) - top);
            store(scores + i, p);
            total += p;
        }
        sums[a.group * a.dim + h] = 1.0f / sum(total);
    }
    __builtin_memset(sums, 0, a.group * a.dim * sizeof(float));
    for (int64_t j = 0; j < n; j += kCachedKeys)
        for (int64_t h = 0; h < a.group; h++) cached_values(a, v, j, at_most(j + kCachedKeys, n), scratch + h * row, sums + h * a.dim);
    for (int64_t h = 0; h < a.group; h++) {
        const F inverse = splat(sums[a.group * a.dim + h]);
        for_lanes(a.dim, [&](int64_t d, auto lanes) { lanes.store(out + h * a.dim + d, lanes.load(sums + h * a.dim + d) * inverse); });
    }
}

static void cached_attention(const CachedAttention& a, float* scratch) {
    a.type == kFloat ? attend_cached<float>(a, scratch) : attend_cached<bf16>(a, scratch);
}
