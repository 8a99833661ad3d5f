// Vectors of NANOVLM_LANES floats: loads, stores, bfloat16 and the few functions the kernels need.
// Included once by each kernels_*.cpp, inside its own namespace; no standard library here, so that
// nothing compiled for a newer CPU can be shared with code that runs on an older one.

#define NANOVLM_INLINE static inline __attribute__((always_inline))

constexpr int64_t W = NANOVLM_LANES;
typedef float F __attribute__((vector_size(4 * W)));
typedef float UnalignedF __attribute__((vector_size(4 * W), aligned(4), may_alias));
typedef int32_t I __attribute__((vector_size(4 * W)));
typedef uint32_t U __attribute__((vector_size(4 * W)));
typedef uint16_t H __attribute__((vector_size(2 * W)));
typedef uint16_t UnalignedH __attribute__((vector_size(2 * W), aligned(2), may_alias));

NANOVLM_INLINE F splat(float x) { return x - F{}; }
NANOVLM_INLINE F larger(F a, F b) { return a > b ? a : b; }

NANOVLM_INLINE F widen(H h) { return (F)(__builtin_convertvector(h, U) << 16); }

// Round to nearest even; NaN stays NaN.
NANOVLM_INLINE H narrow(F x) {
    const U u = (U)x;
    U r = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    r = x != x ? U{} + 0x7fc0 : r;
    return __builtin_convertvector(r, H);
}

NANOVLM_INLINE F load(const float* p) { return *(const UnalignedF*)p; }
NANOVLM_INLINE F load(const bf16* p) { return widen(*(const UnalignedH*)p); }
NANOVLM_INLINE void store(float* p, F x) { *(UnalignedF*)p = x; }
NANOVLM_INLINE void store(bf16* p, F x) { *(UnalignedH*)p = narrow(x); }

NANOVLM_INLINE float scalar(float x) { return x; }
NANOVLM_INLINE float scalar(bf16 x) {
    const uint32_t u = uint32_t(x.bits) << 16;
    float f;
    __builtin_memcpy(&f, &u, 4);
    return f;
}

NANOVLM_INLINE void set(float* p, float x) { *p = x; }
NANOVLM_INLINE void set(bf16* p, float x) {
    const H h = narrow(splat(x));
    p->bits = h[0];
}

// The first `count` lanes; the others read as zero.
template <class T>
NANOVLM_INLINE F load(const T* p, int64_t count) {
    T lanes[W] = {};
    for (int64_t i = 0; i < count; i++) lanes[i] = p[i];
    return load(lanes);
}
template <class T>
NANOVLM_INLINE void store(T* p, F x, int64_t count) {
    T lanes[W];
    store(lanes, x);
    for (int64_t i = 0; i < count; i++) p[i] = lanes[i];
}

struct Whole {
    template <class T>
    inline __attribute__((always_inline)) F load(const T* p) const { return NANOVLM_ISA::load(p); }
    template <class T>
    inline __attribute__((always_inline)) void store(T* p, F x) const { NANOVLM_ISA::store(p, x); }
};

struct Part {
    int64_t count;
    template <class T>
    inline __attribute__((always_inline)) F load(const T* p) const { return NANOVLM_ISA::load(p, count); }
    template <class T>
    inline __attribute__((always_inline)) void store(T* p, F x) const { NANOVLM_ISA::store(p, x, count); }
};

// Calls body(i, lanes) for i = 0, W, 2W, ...; lanes loads and stores whole vectors, then the rest.
template <class Body>
NANOVLM_INLINE void for_lanes(int64_t n, Body body) {
    int64_t i = 0;
    for (; i + W <= n; i += W) body(i, Whole{});
    if (i < n) body(i, Part{n - i});
}

NANOVLM_INLINE float sum(F x) {
    float s = 0;
    for (int64_t i = 0; i < W; i++) s += x[i];
    return s;
}
NANOVLM_INLINE float largest(F x) {
    float s = x[0];
    for (int64_t i = 1; i < W; i++) s = x[i] > s ? x[i] : s;
    return s;
}

// The sum of a vector's elements, halves first: of dot products there are many, and each is short.
#if defined(__clang__)
NANOVLM_INLINE float sum_halves(F x) { return sum(x); }
#else
NANOVLM_INLINE float sum_halves(F x) {
#if NANOVLM_LANES == 16
    x += __builtin_shuffle(x, I{8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7});
    x += __builtin_shuffle(x, I{4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7});
    x += __builtin_shuffle(x, I{2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3});
#elif NANOVLM_LANES == 8
    x += __builtin_shuffle(x, I{4, 5, 6, 7, 0, 1, 2, 3});
    x += __builtin_shuffle(x, I{2, 3, 2, 3, 2, 3, 2, 3});
#else
    x += __builtin_shuffle(x, I{2, 3, 0, 1});
#endif
    return x[0] + x[1];
}
#endif

// exp with a relative error below 2e-7 (Cephes' polynomial); below -87.3 it is zero, above 88 it stays at exp(88).
NANOVLM_INLINE F exponential(F x) {
    F t = x < -87.33f ? splat(-87.33f) : x;
    t = t > 88.0f ? splat(88.0f) : t;
    const F n = (t * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
    F r = t - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    F p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const F power = (F)((__builtin_convertvector(n, I) + 127) << 23);
    return x < -87.33f ? F{} : p * power;
}

NANOVLM_INLINE F sigmoid(F x) { return 1.0f / (1.0f + exponential(-x)); }

NANOVLM_INLINE F square_root(F x) {
#if NANOVLM_LANES == 16 && defined(__AVX512F__)
    return (F)_mm512_sqrt_ps((__m512)x);
#elif NANOVLM_LANES == 8 && defined(__AVX2__)
    return (F)_mm256_sqrt_ps((__m256)x);
#elif NANOVLM_LANES == 4 && defined(__SSE2__)
    return (F)_mm_sqrt_ps((__m128)x);
#else
    F y;
    for (int64_t i = 0; i < W; i++) y[i] = __builtin_sqrtf(x[i]);
    return y;
#endif
}

static int64_t at_most(int64_t x, int64_t limit) { return x < limit ? x : limit; }
static int64_t larger_of(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }
