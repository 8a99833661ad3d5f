// Attention of one batch row and key-value head.
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
    return Gemm{m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, nullptr, a_type, b_type, c_type, accumulate};
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
    const int64_t columns = seen.end - seen.begin, begin = a.begin[i] == a.end[i] ? 0 : a.begin[i] - seen.begin,
                  end = begin + a.end[i] - a.begin[i];
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

static int64_t attention_scratch(const Attention& a, bool backward) {
    const int64_t rows = at_most(a.tokens, kQueries);
    const int64_t block = round_up(rows * a.key_tokens, 16);
    const void* none = nullptr;
    // The largest of the products' needs: scores, probabilities times values, transposed probabilities times gradients.
    int64_t gemm_size = gemm_scratch(product(rows, a.key_tokens, a.dim, a.type, none, 1, 1, a.type, none, 1, 2, kFloat, nullptr, 1, false));
    gemm_size = larger_of(
        gemm_size, gemm_scratch(product(rows, a.dim, a.key_tokens, kFloat, none, 2, 1, a.type, none, 2, 1, a.type, nullptr, 1, false)));
    gemm_size = larger_of(
        gemm_size, gemm_scratch(product(a.key_tokens, a.dim, rows, kFloat, none, 1, 2, a.type, none, 2, 1, kFloat, nullptr, 1, false)));
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
            gemm(product(rows, a.dim, columns, kFloat, scores, columns, 1, a.type, at(a.type, a.v, seen.begin * a.v_row), a.v_row, 1,
                         a.type, at(a.type, a.out, head * a.out_head + first * a.out_row), a.out_row, false),
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
            gemm(product(rows, columns, a.dim, a.type, grad_out, a.grad_out_row, 1, a.type, v, 1, a.v_row, kFloat, ds, columns, false),
                 rest);
            for (int64_t i = 0; i < rows; i++) {
                const float* p_row = p + i * columns;
                float* row = ds + i * columns;
                // From the same probabilities and products as below: exactly zero where one key is seen, in bfloat16 too.
                const float delta = dot(columns, p_row, row);
                for_lanes(columns, [&](int64_t j, auto lanes) {
                    lanes.store(row + j, lanes.load(p_row + j) * (lanes.load(row + j) - delta) * a.scale);
                });
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
