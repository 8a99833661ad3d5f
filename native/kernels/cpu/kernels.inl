// The kernels of kernels.h for one instruction set. A kernels_*.cpp defines NANOVLM_ISA (a namespace
// name), NANOVLM_LANES (floats in a vector) and NANOVLM_TILE_ROWS, and includes this file once.
#include "simd.inl"

// ---- matrix product ------------------------------------------------------------------------
//
// C is computed in tiles of MR rows by NR columns held in registers. B is packed into panels of NR
// columns ([panel][k][NR], zero padded). A is read where it lies when its rows are contiguous floats;
// otherwise blocks of it are converted (bfloat16) or packed (transposed) into scratch that stays in cache.

constexpr int64_t MR = NANOVLM_TILE_ROWS;
constexpr int64_t NR = 2 * W;
constexpr int64_t kDepth = 256;       // of k at a time
constexpr int64_t kNarrowDepth = 512; // with a bfloat16 C: up to this depth its sums stay in a row block
constexpr int64_t kRows = 96;         // rows of A at a time
constexpr int64_t kColumns = 512;     // columns of B at a time

#if defined(__clang__)
#define NANOVLM_UNROLL _Pragma("unroll")
#else
#define NANOVLM_UNROLL _Pragma("GCC unroll 16")
#endif

enum Start { kZero, kAccumulate, kBias };

template <int ROWS, bool PACKED>
static void tile(int64_t depth, const float* a, int64_t a_stride, const float* b, float* c, int64_t c_row, Start start, const float* bias) {
    F sums[ROWS][2];  // in registers: every loop over it is unrolled
    if (start == kAccumulate) {
        NANOVLM_UNROLL
        for (int i = 0; i < ROWS; i++) sums[i][0] = load(c + i * c_row), sums[i][1] = load(c + i * c_row + W);
    } else {
        const F first = start == kBias ? load(bias) : F{}, second = start == kBias ? load(bias + W) : F{};
        NANOVLM_UNROLL
        for (int i = 0; i < ROWS; i++) sums[i][0] = first, sums[i][1] = second;
    }
    for (int64_t k = 0; k < depth; k++) {
        const F b0 = *(const F*)b, b1 = *(const F*)(b + W);
        NANOVLM_UNROLL
        for (int i = 0; i < ROWS; i++) {
            const F x = splat(PACKED ? a[i] : a[i * a_stride]);
            sums[i][0] += x * b0;
            sums[i][1] += x * b1;
        }
        a += PACKED ? MR : 1;
        b += NR;
    }
    NANOVLM_UNROLL
    for (int i = 0; i < ROWS; i++) store(c + i * c_row, sums[i][0]), store(c + i * c_row + W, sums[i][1]);
}

template <bool PACKED>
static void tile_rows(int64_t rows, int64_t depth, const float* a, int64_t a_stride, const float* b, float* c, int64_t c_row, Start start,
                      const float* bias) {
    switch (rows) {
        case 1: return tile<1, PACKED>(depth, a, a_stride, b, c, c_row, start, bias);
        case 2: return tile<2, PACKED>(depth, a, a_stride, b, c, c_row, start, bias);
        case 3: return tile<3, PACKED>(depth, a, a_stride, b, c, c_row, start, bias);
        case 4: return tile<4, PACKED>(depth, a, a_stride, b, c, c_row, start, bias);
        case 5: return tile<5, PACKED>(depth, a, a_stride, b, c, c_row, start, bias);
        case 6: return tile<6, PACKED>(depth, a, a_stride, b, c, c_row, start, bias);
#if NANOVLM_TILE_ROWS > 6
        case 7: return tile<7, PACKED>(depth, a, a_stride, b, c, c_row, start, bias);
        case 8: return tile<8, PACKED>(depth, a, a_stride, b, c, c_row, start, bias);
#endif
    }
}

typedef float F4 __attribute__((vector_size(16)));
typedef float UnalignedF4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint32_t U4 __attribute__((vector_size(16)));
typedef int32_t I4 __attribute__((vector_size(16)));
typedef uint16_t H4 __attribute__((vector_size(8)));
typedef uint16_t UnalignedH4 __attribute__((vector_size(8), aligned(2), may_alias));

NANOVLM_INLINE F4 load4(const float* p) { return *(const UnalignedF4*)p; }
NANOVLM_INLINE F4 load4(const bf16* p) { return (F4)(__builtin_convertvector((H4) * (const UnalignedH4*)p, U4) << 16); }

#if defined(__clang__)
#define NANOVLM_SHUFFLE4(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define NANOVLM_SHUFFLE4(a, b, i, j, k, l) __builtin_shuffle(a, b, I4{i, j, k, l})
#endif

// to[k * to_stride + j] = from[j * from_stride + k] for j < columns, k < depth.
template <class T>
static void transpose(int64_t columns, int64_t depth, const T* from, int64_t from_stride, float* to, int64_t to_stride) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
        const T *p0 = from + j * from_stride, *p1 = p0 + from_stride, *p2 = p1 + from_stride, *p3 = p2 + from_stride;
        float* q = to + j;
        int64_t k = 0;
        for (; k + 4 <= depth; k += 4, q += 4 * to_stride) {
            const F4 a = load4(p0 + k), b = load4(p1 + k), c = load4(p2 + k), d = load4(p3 + k);
            const F4 ab0 = NANOVLM_SHUFFLE4(a, b, 0, 4, 1, 5), ab1 = NANOVLM_SHUFFLE4(a, b, 2, 6, 3, 7);
            const F4 cd0 = NANOVLM_SHUFFLE4(c, d, 0, 4, 1, 5), cd1 = NANOVLM_SHUFFLE4(c, d, 2, 6, 3, 7);
            *(UnalignedF4*)q = NANOVLM_SHUFFLE4(ab0, cd0, 0, 1, 4, 5);
            *(UnalignedF4*)(q + to_stride) = NANOVLM_SHUFFLE4(ab0, cd0, 2, 3, 6, 7);
            *(UnalignedF4*)(q + 2 * to_stride) = NANOVLM_SHUFFLE4(ab1, cd1, 0, 1, 4, 5);
            *(UnalignedF4*)(q + 3 * to_stride) = NANOVLM_SHUFFLE4(ab1, cd1, 2, 3, 6, 7);
        }
        for (; k < depth; k++, q += to_stride) q[0] = scalar(p0[k]), q[1] = scalar(p1[k]), q[2] = scalar(p2[k]), q[3] = scalar(p3[k]);
    }
    for (; j < columns; j++)
        for (int64_t k = 0; k < depth; k++) to[k * to_stride + j] = scalar(from[j * from_stride + k]);
}

static int64_t at_most(int64_t x, int64_t limit) { return x < limit ? x : limit; }
static int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

// Rows of a matrix are packed a few at a time: whole cache lines are read, and every panel gets a run of them.
constexpr int64_t kStrip = 8;

// Panels of B: [columns / NR][depth][NR].
template <class T>
static void pack_b(int64_t depth, int64_t columns, const T* b, int64_t b_row, int64_t b_column, float* to) {
    const int64_t whole = b_column == 1 ? columns / NR * NR : 0;
    for (int64_t first = 0; first < depth && whole > 0; first += kStrip) {
        const int64_t last = at_most(first + kStrip, depth);
        for (int64_t j = 0; j < whole; j += NR)
            for (int64_t k = first; k < last; k++) {
                const T* from = b + k * b_row + j;
                float* row = to + j * depth + k * NR;
                *(F*)row = load(from), *(F*)(row + W) = load(from + W);
            }
    }
    for (int64_t j = whole; j < columns; j += NR) {
        const int64_t width = at_most(columns - j, NR);
        const T* from = b + j * b_column;
        float* panel = to + j * depth;
        if (width < NR) __builtin_memset(panel, 0, depth * NR * sizeof(float));
        if (b_row == 1) {
            transpose(width, depth, from, b_column, panel, NR);
        } else {
            for (int64_t k = 0; k < depth; k++)
                for (int64_t i = 0; i < width; i++) panel[k * NR + i] = scalar(from[k * b_row + i * b_column]);
        }
    }
}

constexpr int64_t kWide = (MR + W - 1) / W * W;

// A block of A for the tiles: converted to rows of floats (stride depth), or packed as [panel][k][MR] when its columns are contiguous.
template <class T>
static void pack_a(int64_t rows, int64_t depth, const T* a, int64_t a_row, int64_t a_column, bool packed, float* to) {
    if (packed) {
        for (int64_t first = 0; first < depth; first += kStrip) {
            const int64_t last = at_most(first + kStrip, depth);
            int64_t i = 0;
            for (; rows - i >= kWide; i += MR)  // whole vectors; what spills over a panel's row is written again by the next row
                for (int64_t k = first; k < last; k++) {
                    const T* from = a + i + k * a_column;
                    float* row = to + i * depth + k * MR;
                    F lanes[kWide / W];
                    for (int64_t r = 0; r < kWide / W; r++) lanes[r] = load(from + r * W);
                    if (k + 1 < last)
                        for (int64_t r = 0; r < kWide / W; r++) store(row + r * W, lanes[r]);
                    else
                        __builtin_memcpy(row, lanes, MR * sizeof(float));
                }
            for (; i < rows; i += MR)
                for (int64_t k = first; k < last; k++)
                    for (int64_t r = 0; r < at_most(rows - i, MR); r++) to[i * depth + k * MR + r] = scalar(a[i + r + k * a_column]);
        }
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        const T* from = a + i * a_row;
        float* row = to + i * depth;
        if (a_column == 1)
            for_lanes(depth, [&](int64_t k, auto lanes) { lanes.store(row + k, lanes.load(from + k)); });
        else
            for (int64_t k = 0; k < depth; k++) row[k] = scalar(from[k * a_column]);
    }
}

struct GemmPlan {
    bool direct, packed;  // how A is read
    bool narrow, whole;   // C is bfloat16; whole: k in one go, so that only a row block of C is held in float32
    int64_t depth, columns, b_size, a_size, c_size;
    explicit GemmPlan(const Gemm& g) {
        direct = g.a_type == kFloat && g.a_column == 1;
        packed = !direct && g.a_column != 1 && g.a_row == 1;
        narrow = g.c_type == kBfloat16;
        whole = narrow && g.k <= kNarrowDepth;
        depth = whole ? g.k : at_most(g.k, kDepth);
        columns = at_most(round_up(g.n, NR), kColumns);
        b_size = round_up(depth * columns, 16);
        a_size = direct ? 0 : round_up(depth * round_up(at_most(g.m, kRows), MR), 16);
        c_size = narrow ? round_up((whole ? at_most(g.m, kRows) : g.m) * columns, 16) : 0;
    }
};

static int64_t gemm_scratch(const Gemm& g) {
    const GemmPlan plan(g);
    return plan.b_size + plan.a_size + plan.c_size + 2 * MR * NR + round_up(g.bias ? g.n : 0, NR) + NR;
}

static void narrow_rows(int64_t rows, int64_t columns, const float* from, int64_t from_row, bf16* to, int64_t to_row) {
    for (int64_t i = 0; i < rows; i++)
        for_lanes(columns, [&](int64_t j, auto lanes) { lanes.store(to + i * to_row + j, lanes.load(from + i * from_row + j)); });
}

static void gemm(const Gemm& g, float* scratch) {
    const GemmPlan plan(g);
    float* b_panels = scratch;
    float* a_block = b_panels + plan.b_size;
    float* c_block = a_block + plan.a_size;
    float* edge = c_block + plan.c_size;
    float* bias = edge + MR * NR;
    if (g.bias) {
        __builtin_memset(bias, 0, round_up(g.n, NR) * sizeof(float));
        __builtin_memcpy(bias, g.bias, g.n * sizeof(float));
    }
    for (int64_t column = 0; column < g.n; column += plan.columns) {
        const int64_t columns = at_most(g.n - column, plan.columns);
        int64_t k = 0;
        do {
            const int64_t depth = at_most(g.k - k, plan.depth);
            const int64_t b_offset = k * g.b_row + column * g.b_column;
            if (g.b_type == kFloat)
                pack_b(depth, columns, (const float*)g.b + b_offset, g.b_row, g.b_column, b_panels);
            else
                pack_b(depth, columns, (const bf16*)g.b + b_offset, g.b_row, g.b_column, b_panels);
            const Start start = k > 0 || g.accumulate ? kAccumulate : g.bias ? kBias : kZero;
            for (int64_t row = 0; row < g.m; row += kRows) {
                const int64_t rows = at_most(g.m - row, kRows);
                const int64_t a_offset = row * g.a_row + k * g.a_column;
                const float* a = a_block;
                int64_t a_stride = depth;
                if (plan.direct)
                    a = (const float*)g.a + a_offset, a_stride = g.a_row;
                else if (g.a_type == kFloat)
                    pack_a(rows, depth, (const float*)g.a + a_offset, g.a_row, g.a_column, plan.packed, a_block);
                else
                    pack_a(rows, depth, (const bf16*)g.a + a_offset, g.a_row, g.a_column, plan.packed, a_block);
                float* c = (float*)g.c + row * g.c_row + column;
                int64_t c_row = g.c_row;
                if (plan.narrow) c = c_block + (plan.whole ? 0 : row * plan.columns), c_row = plan.columns;

                for (int64_t j = 0; j < columns; j += NR) {
                    const float* panel = b_panels + j * depth;
                    const int64_t width = at_most(columns - j, NR);
                    const bool partial = width < NR && !plan.narrow;  // the scratch C has room for a whole tile
                    for (int64_t i = 0; i < rows; i += MR) {
                        const int64_t height = at_most(rows - i, MR);
                        float* to = c + i * c_row + j;
                        float* target = partial ? edge : to;
                        const int64_t target_row = partial ? NR : c_row;
                        if (partial && start == kAccumulate)
                            for (int64_t r = 0; r < height; r++)
                                for (int64_t s = 0; s < width; s++) edge[r * NR + s] = to[r * c_row + s];
                        if (plan.packed)
                            tile_rows<true>(height, depth, a + i * depth, 0, panel, target, target_row, start, bias + column + j);
                        else
                            tile_rows<false>(height, depth, a + i * a_stride, a_stride, panel, target, target_row, start, bias + column + j);
                        if (partial)
                            for (int64_t r = 0; r < height; r++)
                                for (int64_t s = 0; s < width; s++) to[r * c_row + s] = edge[r * NR + s];
                    }
                }
                if (plan.whole) narrow_rows(rows, columns, c, c_row, (bf16*)g.c + row * g.c_row + column, g.c_row);
            }
            k += depth;
        } while (k < g.k);
        if (plan.narrow && !plan.whole) narrow_rows(g.m, columns, c_block, plan.columns, (bf16*)g.c + column, g.c_row);
    }
}

// ---- attention -----------------------------------------------------------------------------
//
// Queries go in blocks; the scores of a block against all keys stay in scratch. Backward computes the
// probabilities again from the saved logarithms of the sums.

constexpr int64_t kQueries = 64;

static const void* at(Dtype type, const void* p, int64_t offset) {
    return type == kFloat ? (const void*)((const float*)p + offset) : (const void*)((const bf16*)p + offset);
}
static void* at(Dtype type, void* p, int64_t offset) {
    return type == kFloat ? (void*)((float*)p + offset) : (void*)((bf16*)p + offset);
}

static Gemm product(int64_t m, int64_t n, int64_t k, Dtype a_type, const void* a, int64_t a_row, int64_t a_column, Dtype b_type,
                    const void* b, int64_t b_row, int64_t b_column, Dtype c_type, void* c, int64_t c_row, bool accumulate) {
    return Gemm{m, n, k, a, a_type, a_row, a_column, b, b_type, b_row, b_column, c, c_type, c_row, nullptr, accumulate};
}

// The keys any query of [first, last) may see: [begin, end).
struct Seen {
    int64_t begin, end;
    Seen(const Attention& a, int64_t first, int64_t last) {
        begin = a.key_tokens, end = 0;
        for (int64_t i = first; i < last; i++) {
            if (a.begin[i] == a.end[i]) continue;
            if (a.begin[i] < begin) begin = a.begin[i];
            if (a.end[i] > end) end = a.end[i];
        }
        if (begin > end) begin = end;
    }
};

// Whether query i sees key j, by the masks that no range expresses.
static bool masked(const Attention& a, int64_t i, int64_t j) {
    return (a.keys && !a.keys[j]) || (a.rules && !a.rules->seen(i + a.key_tokens - a.tokens, j));
}

// scores [last - first, seen] of a query block, scaled; what a query does not see becomes zero at `unseen`.
static void scores_of(const Attention& a, int64_t head, int64_t first, int64_t rows, const Seen& seen, float* scores, float* scratch) {
    const int64_t columns = seen.end - seen.begin;
    gemm(product(rows, columns, a.dim, a.type, at(a.type, a.q, head * a.q_head + first * a.q_row), a.q_row, 1, a.type,
                 at(a.type, a.k, seen.begin * a.k_row), 1, a.k_row, kFloat, scores, columns, false),
         scratch);
}

// Sets p to exp(scale * s - log_sum) where seen and 0 elsewhere; with log_sum unknown (forward) finds it.
static void probabilities(const Attention& a, int64_t i, const Seen& seen, float* s, float* log_sum, bool known) {
    const int64_t columns = seen.end - seen.begin, begin = a.begin[i] == a.end[i] ? 0 : a.begin[i] - seen.begin, end = begin + a.end[i] - a.begin[i];
    const float infinity = __builtin_inff();
    for (int64_t j = 0; j < begin; j++) s[j] = 0;
    for (int64_t j = end; j < columns; j++) s[j] = 0;
    float* row = s + begin;
    const int64_t n = end - begin;
    const float scale = a.scale;
    if (a.keys || a.rules)
        for (int64_t j = 0; j < n; j++) row[j] = masked(a, i, seen.begin + begin + j) ? (scale < 0 ? infinity : -infinity) : row[j];
    float top = *log_sum;
    if (!known) {
        F best = splat(-infinity);
        int64_t j = 0;
        for (; j + W <= n; j += W) best = larger(load(row + j) * scale, best);
        top = largest(best);
        for (; j < n; j++) top = row[j] * scale > top ? row[j] * scale : top;
    }
    if (n == 0 || top == -infinity) {  // sees nothing
        for (int64_t j = 0; j < n; j++) row[j] = 0;
        *log_sum = -infinity;
        return;
    }
    if (known) {
        for_lanes(n, [&](int64_t j, auto lanes) { lanes.store(row + j, exponential(lanes.load(row + j) * scale - top)); });
        return;
    }
    F total = F{};
    int64_t j = 0;
    for (; j + W <= n; j += W) {
        const F e = exponential(load(row + j) * scale - top);
        total += e;
        store(row + j, e);
    }
    float rest = 0;
    if (j < n) {
        const F e = exponential(load(row + j, n - j) * scale - top);
        store(row + j, e, n - j);
        for (int64_t r = j; r < n; r++) rest += row[r];
    }
    const float denominator = sum(total) + rest, inverse = 1.0f / denominator;
    for_lanes(n, [&](int64_t r, auto lanes) { lanes.store(row + r, lanes.load(row + r) * inverse); });
    *log_sum = top + __builtin_logf(denominator);
}

static int64_t larger_of(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t attention_scratch(const Attention& a, bool backward) {
    const int64_t rows = at_most(a.tokens, kQueries);
    const int64_t block = round_up(rows * a.key_tokens, 16);
    const void* none = nullptr;
    // The largest of the products' needs: scores, probabilities times values, transposed probabilities times gradients.
    int64_t gemm_size = gemm_scratch(product(rows, a.key_tokens, a.dim, a.type, none, 1, 1, a.type, none, 1, 2, kFloat, nullptr, 1, false));
    gemm_size = larger_of(gemm_size, gemm_scratch(product(rows, a.dim, a.key_tokens, kFloat, none, 2, 1, a.type, none, 2, 1, a.type, nullptr, 1, false)));
    gemm_size = larger_of(gemm_size, gemm_scratch(product(a.key_tokens, a.dim, rows, kFloat, none, 1, 2, a.type, none, 2, 1, kFloat, nullptr, 1, false)));
    return gemm_size + (backward ? 2 : 1) * block + (backward ? 2 * round_up(a.key_tokens * a.dim, 16) : 0) + 64;
}

static void attention_forward(const Attention& a, float* scratch) {
    const int64_t block = round_up(at_most(a.tokens, kQueries) * a.key_tokens, 16);
    float* scores = scratch;
    float* rest = scratch + block;
    for (int64_t head = 0; head < a.group; head++)
        for (int64_t first = 0; first < a.tokens; first += kQueries) {
            const int64_t rows = at_most(a.tokens - first, kQueries);
            const Seen seen(a, first, first + rows);
            const int64_t columns = seen.end - seen.begin;
            scores_of(a, head, first, rows, seen, scores, rest);
            for (int64_t i = 0; i < rows; i++) {
                float log_sum;
                probabilities(a, first + i, seen, scores + i * columns, &log_sum, false);
                if (a.log_sum) a.log_sum[head * a.tokens + first + i] = log_sum;
            }
            gemm(product(rows, a.dim, columns, kFloat, scores, columns, 1, a.type, at(a.type, a.v, seen.begin * a.v_row), a.v_row, 1, a.type,
                         at(a.type, a.out, head * a.out_head + first * a.out_row), a.out_row, false),
                 rest);
        }
}

static float dot(int64_t n, const float* x, const float* y) {
    F total = F{};
    for_lanes(n, [&](int64_t i, auto lanes) { total += lanes.load(x + i) * lanes.load(y + i); });
    return sum(total);
}

template <class T>
static void write_rows(int64_t rows, int64_t n, const float* from, T* to, int64_t to_row) {
    for (int64_t i = 0; i < rows; i++)
        for_lanes(n, [&](int64_t j, auto lanes) { lanes.store(to + i * to_row + j, lanes.load(from + i * n + j)); });
}

static void attention_backward(const Attention& a, float* scratch) {
    const int64_t block = round_up(at_most(a.tokens, kQueries) * a.key_tokens, 16), sums = round_up(a.key_tokens * a.dim, 16);
    float* p = scratch;
    float* ds = p + block;
    float* grad_k = ds + block;
    float* grad_v = grad_k + sums;
    float* rest = grad_v + sums;
    __builtin_memset(grad_k, 0, 2 * sums * sizeof(float));
    for (int64_t head = 0; head < a.group; head++)
        for (int64_t first = 0; first < a.tokens; first += kQueries) {
            const int64_t rows = at_most(a.tokens - first, kQueries);
            const Seen seen(a, first, first + rows);
            const int64_t columns = seen.end - seen.begin;
            const void* q = at(a.type, a.q, head * a.q_head + first * a.q_row);
            const void* grad_out = at(a.type, a.grad_out, head * a.grad_out_head + first * a.grad_out_row);
            const void *k = at(a.type, a.k, seen.begin * a.k_row), *v = at(a.type, a.v, seen.begin * a.v_row);

            scores_of(a, head, first, rows, seen, p, rest);
            for (int64_t i = 0; i < rows; i++)
                probabilities(a, first + i, seen, p + i * columns, a.log_sum + head * a.tokens + first + i, true);
            gemm(product(columns, a.dim, rows, kFloat, p, 1, columns, a.type, grad_out, a.grad_out_row, 1, kFloat,
                         grad_v + seen.begin * a.dim, a.dim, true), rest);
            gemm(product(rows, columns, a.dim, a.type, grad_out, a.grad_out_row, 1, a.type, v, 1, a.v_row, kFloat, ds, columns, false), rest);
            for (int64_t i = 0; i < rows; i++) {
                const float* p_row = p + i * columns;
                float* row = ds + i * columns;
                // From the same probabilities and products as below: exactly zero where one key is seen, in bfloat16 too.
                const float delta = dot(columns, p_row, row);
                for_lanes(columns, [&](int64_t j, auto lanes) { lanes.store(row + j, lanes.load(p_row + j) * (lanes.load(row + j) - delta) * a.scale); });
            }
            gemm(product(rows, a.dim, columns, kFloat, ds, columns, 1, a.type, k, a.k_row, 1, a.type,
                         at(a.type, a.grad_q, head * a.grad_q_head + first * a.grad_q_row), a.grad_q_row, false), rest);
            gemm(product(columns, a.dim, rows, kFloat, ds, 1, columns, a.type, q, a.q_row, 1, kFloat,
                         grad_k + seen.begin * a.dim, a.dim, true), rest);
        }
    if (a.type == kFloat) {
        write_rows(a.key_tokens, a.dim, grad_k, (float*)a.grad_k, a.grad_k_row);
        write_rows(a.key_tokens, a.dim, grad_v, (float*)a.grad_v, a.grad_v_row);
    } else {
        write_rows(a.key_tokens, a.dim, grad_k, (bf16*)a.grad_k, a.grad_k_row);
        write_rows(a.key_tokens, a.dim, grad_v, (bf16*)a.grad_v, a.grad_v_row);
    }
}

// ---- activations ---------------------------------------------------------------------------

// gelu_tanh(x) = x (1 + tanh(u)) / 2 = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3): no cancellation for negative x.
constexpr float kGelu = 1.5957691216057308f;  // 2 sqrt(2 / pi)
constexpr float kCubic = 0.044715f;

template <class T>
static void gelu(int64_t n, const void* x, void* y) {
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F v = lanes.load((const T*)x + i);
        lanes.store((T*)y + i, v * sigmoid(v * (v * v * (kGelu * kCubic) + kGelu)));
    });
}

template <class T>
static void gelu_backward(int64_t n, const void* x, const void* grad, void* grad_x) {
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F v = lanes.load((const T*)x + i), square = v * v;
        const F s = sigmoid(v * (square * (kGelu * kCubic) + kGelu));
        const F slope = s + v * s * (1.0f - s) * (square * (3 * kGelu * kCubic) + kGelu);
        lanes.store((T*)grad_x + i, lanes.load((const T*)grad + i) * slope);
    });
}

template <class T>
static void swiglu(int64_t n, const void* gate, const void* up, void* y) {
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F g = lanes.load((const T*)gate + i);
        lanes.store((T*)y + i, g * sigmoid(g) * lanes.load((const T*)up + i));
    });
}

template <class T>
static void swiglu_backward(int64_t n, const void* gate, const void* up, const void* grad, void* grad_gate, void* grad_up) {
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F g = lanes.load((const T*)gate + i), d = lanes.load((const T*)grad + i), s = sigmoid(g);
        const F u = lanes.load((const T*)up + i);
        lanes.store((T*)grad_up + i, d * g * s);
        lanes.store((T*)grad_gate + i, d * u * s * (g * (1.0f - s) + 1.0f));
    });
}

// ---- normalisation -------------------------------------------------------------------------

template <class T>
static void norm(int64_t rows, int64_t d, int64_t x_row, const void* x, const float* weight, const float* bias, float eps, void* y,
                 float* mean, float* inverse) {
    const float count = 1.0f / (float)d;
    for (int64_t r = 0; r < rows; r++) {
        const T* from = (const T*)x + r * x_row;
        T* to = (T*)y + r * d;
        float m = 0;
        if (mean) {
            F total = F{};
            for_lanes(d, [&](int64_t i, auto lanes) { total += lanes.load(from + i); });
            m = sum(total) * count;
            mean[r] = m;
        }
        F squares = F{};
        int64_t i = 0;
        for (; i + W <= d; i += W) {
            const F c = load(from + i) - m;
            squares += c * c;
        }
        float rest = 0;
        for (; i < d; i++) rest += (scalar(from[i]) - m) * (scalar(from[i]) - m);
        const float inv = 1.0f / __builtin_sqrtf((sum(squares) + rest) * count + eps);
        inverse[r] = inv;
        for_lanes(d, [&](int64_t j, auto lanes) {
            F v = (lanes.load(from + j) - m) * inv * lanes.load(weight + j);
            if (bias) v += lanes.load(bias + j);
            lanes.store(to + j, v);
        });
    }
}

// dx = inverse (g - mean(g) - xhat mean(g xhat)), g = grad weight; RMS norm has no mean(g).
template <class T>
static void norm_backward(int64_t rows, int64_t d, int64_t x_row, const void* x, const float* weight, const float* mean, const float* inverse,
                          const void* grad, void* grad_x, float* grad_weight, float* grad_bias) {
    const float count = 1.0f / (float)d;
    for (int64_t r = 0; r < rows; r++) {
        const T *from = (const T*)x + r * x_row, *dy = (const T*)grad + r * d;
        T* dx = (T*)grad_x + r * d;
        const float m = mean ? mean[r] : 0, inv = inverse[r];
        F with_x = F{}, alone = F{};
        for_lanes(d, [&](int64_t i, auto lanes) {
            const F g = lanes.load(dy + i), xhat = (lanes.load(from + i) - m) * inv, gw = g * lanes.load(weight + i);
            with_x += gw * xhat;
            alone += gw;
            lanes.store(grad_weight + i, lanes.load(grad_weight + i) + g * xhat);
            if (grad_bias) lanes.store(grad_bias + i, lanes.load(grad_bias + i) + g);
        });
        const float a = sum(with_x) * count, b = mean ? sum(alone) * count : 0;
        for_lanes(d, [&](int64_t i, auto lanes) {
            const F xhat = (lanes.load(from + i) - m) * inv;
            lanes.store(dx + i, (lanes.load(dy + i) * lanes.load(weight + i) - b - xhat * a) * inv);
        });
    }
}

template <class T>
static void rotary(int64_t d, const void* x, const float* cos, const float* sin, bool backward, void* y) {
    const int64_t half = d / 2;
    const T *a = (const T*)x, *b = a + half;
    T *to_a = (T*)y, *to_b = to_a + half;
    for_lanes(half, [&](int64_t i, auto lanes) {
        const F u = lanes.load(a + i), v = lanes.load(b + i);
        const F c0 = lanes.load(cos + i), c1 = lanes.load(cos + half + i), s0 = lanes.load(sin + i), s1 = lanes.load(sin + half + i);
        lanes.store(to_a + i, backward ? u * c0 + v * s1 : u * c0 - v * s0);
        lanes.store(to_b + i, backward ? v * c1 - u * s0 : v * c1 + u * s1);
    });
}

// ---- sums, conversions, loss, optimizer ----------------------------------------------------

template <class T>
static void column_sum(int64_t rows, int64_t columns, int64_t row, const void* x, float* total) {
    // Four rows at a time: the running sums are read and written a quarter as often.
    const T* p = (const T*)x;
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4, p += 4 * row)
        for_lanes(columns, [&](int64_t i, auto lanes) {
            const F pair = lanes.load(p + i) + lanes.load(p + row + i), next = lanes.load(p + 2 * row + i) + lanes.load(p + 3 * row + i);
            lanes.store(total + i, lanes.load(total + i) + (pair + next));
        });
    for (; r < rows; r++, p += row)
        for_lanes(columns, [&](int64_t i, auto lanes) { lanes.store(total + i, lanes.load(total + i) + lanes.load(p + i)); });
}

template <class T>
static void to_float(int64_t n, const void* x, float* y) {
    for_lanes(n, [&](int64_t i, auto lanes) { lanes.store(y + i, lanes.load((const T*)x + i)); });
}
template <class T>
static void from_float(int64_t n, const float* x, void* y) {
    for_lanes(n, [&](int64_t i, auto lanes) { lanes.store((T*)y + i, lanes.load(x + i)); });
}
template <class T>
static void add_to(int64_t n, const void* x, float* y) {
    for_lanes(n, [&](int64_t i, auto lanes) { lanes.store(y + i, lanes.load(y + i) + lanes.load((const T*)x + i)); });
}

static double cross_entropy(int64_t n, float* logits, int64_t target, bool gradient) {
    F best = splat(-__builtin_inff());
    int64_t i = 0;
    for (; i + W <= n; i += W) best = larger(load(logits + i), best);
    float top = largest(best);
    for (; i < n; i++) top = logits[i] > top ? logits[i] : top;
    const float at_target = logits[target];
    double total = 0;
    constexpr int64_t kBlock = 64 * W;  // float sums of a block, double sums of blocks: vocabularies are long
    for (int64_t begin = 0; begin < n; begin += kBlock) {
        const int64_t count = at_most(n - begin, kBlock);
        float* p = logits + begin;
        F part = F{};
        int64_t j = 0;
        for (; j + W <= count; j += W) {
            const F e = exponential(load(p + j) - top);
            part += e;
            store(p + j, e);
        }
        double rest = 0;
        if (j < count) {
            store(p + j, exponential(load(p + j, count - j) - top), count - j);
            for (; j < count; j++) rest += p[j];
        }
        total += sum(part) + rest;
    }
    if (gradient) {
        const float inverse = (float)(1.0 / total);
        for_lanes(n, [&](int64_t j, auto lanes) { lanes.store(logits + j, lanes.load(logits + j) * inverse); });
        logits[target] -= 1.0f;
    }
    return __builtin_log(total) + ((double)top - at_target);
}

template <class T>
static double sum_squares(int64_t n, const void* x) {
    double total = 0;
    constexpr int64_t kBlock = 32 * W;
    for (int64_t begin = 0; begin < n; begin += kBlock) {
        const T* p = (const T*)x + begin;
        F part = F{};
        for_lanes(at_most(n - begin, kBlock), [&](int64_t i, auto lanes) {
            const F v = lanes.load(p + i);
            part += v * v;
        });
        double block = 0;
        for (int64_t i = 0; i < W; i++) block += part[i];
        total += block;
    }
    return total;
}

template <class T>
static void adamw(int64_t n, float* parameter, const float* gradient, void* averages, void* squares, const AdamW& o) {
    T *average = (T*)averages, *average_square = (T*)squares;
    const float keep = 1.0f - o.lr * o.weight_decay, step = o.lr / o.bias_correction1;
    const float gain1 = 1.0f - o.beta1, gain2 = 1.0f - o.beta2, inverse_root = 1.0f / o.sqrt_bias_correction2;
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F g = lanes.load(gradient + i) * o.grad_scale;
        const F m = lanes.load(average + i) * o.beta1 + g * gain1;
        const F v = lanes.load(average_square + i) * o.beta2 + g * g * gain2;
        lanes.store(average + i, m);
        lanes.store(average_square + i, v);
        lanes.store(parameter + i, lanes.load(parameter + i) * keep - step * (m / (square_root(v) * inverse_root + o.eps)));
    });
}

#include "decode.inl"

static const Kernels kTable = {
    NANOVLM_STRING(NANOVLM_ISA), MR, NR,
    gemm_scratch, gemm, gemm_few_rows,
    attention_scratch, attention_forward, attention_backward, cached_attention,
    {gelu<float>, gelu<bf16>}, {gelu_backward<float>, gelu_backward<bf16>},
    {swiglu<float>, swiglu<bf16>}, {swiglu_backward<float>, swiglu_backward<bf16>},
    {norm<float>, norm<bf16>}, {norm_backward<float>, norm_backward<bf16>},
    {rotary<float>, rotary<bf16>},
    {column_sum<float>, column_sum<bf16>}, {to_float<float>, to_float<bf16>}, {from_float<float>, from_float<bf16>},
    {add_to<float>, add_to<bf16>},
    cross_entropy,
    {sum_squares<float>, sum_squares<bf16>}, {adamw<float>, adamw<bf16>},
};
