// The matrix product.
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
                            tile_rows<false>(height, depth, a + i * a_stride, a_stride, panel, target, target_row, start,
                                             bias + column + j);
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
