// Products of a few rows, as when one token a row is decoded. The result of a row does not depend on which other rows are there.
//
// Rows of B^T are read once, where they lie, for up to four rows of A. Every element has one vector of sums
// over k, whatever the block it is computed in.

template <int ROWS, int COLUMNS, class A, class B, class C>
NANOVLM_INLINE void dot_block(int64_t k, const A* a, int64_t a_row, const B* b, int64_t b_column, const float* bias, C* c, int64_t c_row) {
    F sums[ROWS][COLUMNS] = {};
    for_lanes(k, [&](int64_t i, auto lanes) {
        F rows[ROWS];
        NANOVLM_UNROLL
        for (int r = 0; r < ROWS; r++) rows[r] = lanes.load(a + r * a_row + i);
        NANOVLM_UNROLL
        for (int j = 0; j < COLUMNS; j++) {
            const F column = lanes.load(b + j * b_column + i);
            NANOVLM_UNROLL
            for (int r = 0; r < ROWS; r++) sums[r][j] += rows[r] * column;
        }
    });
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < COLUMNS; j++) set(c + r * c_row + j, sum_halves(sums[r][j]) + (bias ? bias[j] : 0.0f));
}

template <int ROWS, class A, class B, class C>
static void dot_rows(const Gemm& g, int64_t row) {
    constexpr int COLUMNS = 8 / ROWS;  // eight sums at a time keep the multipliers busy
    const A* a = (const A*)g.a + row * g.a_row;
    C* c = (C*)g.c + row * g.c_row;
    const B* b = (const B*)g.b;
    int64_t j = 0;
    for (; j + COLUMNS <= g.n; j += COLUMNS)
        dot_block<ROWS, COLUMNS>(g.k, a, g.a_row, b + j * g.b_column, g.b_column, g.bias ? g.bias + j : nullptr, c + j, g.c_row);
    for (; j < g.n; j++) dot_block<ROWS, 1>(g.k, a, g.a_row, b + j * g.b_column, g.b_column, g.bias ? g.bias + j : nullptr, c + j, g.c_row);
}

template <class A, class B, class C>
static void few_rows(const Gemm& g) {
    int64_t row = 0;
    for (; row + 4 <= g.m; row += 4) dot_rows<4, A, B, C>(g, row);
    for (; row + 2 <= g.m; row += 2) dot_rows<2, A, B, C>(g, row);
    if (row < g.m) dot_rows<1, A, B, C>(g, row);
}

static void gemm_few_rows(const Gemm& g) {
    if (g.a_type == kFloat && g.b_type == kFloat)
        return g.c_type == kFloat ? few_rows<float, float, float>(g) : few_rows<float, float, bf16>(g);
    if (g.a_type == kFloat) return g.c_type == kFloat ? few_rows<float, bf16, float>(g) : few_rows<float, bf16, bf16>(g);
    if (g.b_type == kFloat) return g.c_type == kFloat ? few_rows<bf16, float, float>(g) : few_rows<bf16, float, bf16>(g);
    return g.c_type == kFloat ? few_rows<bf16, bf16, float>(g) : few_rows<bf16, bf16, bf16>(g);
}
