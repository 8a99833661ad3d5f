// The inner loops of the operators, written once over the compiler's vector types (kernels.inl) and compiled for each instruction
// set; cpu_kernels() is the best this CPU runs. Nothing here knows threads: pointers, sizes and strides (in elements) only.
#pragma once
#include <cstdint>

#include "../nanovlm_kernels.h"

namespace nanovlm {

// Storage of a bfloat16; arithmetic is in float everywhere.
struct bf16 {
    uint16_t bits;
};

enum Dtype : int32_t { kFloat = NANOVLM_FLOAT32, kBfloat16 = NANOVLM_BFLOAT16 };

// C = A B (+ bias or + C) with sums over k in one fixed order.
using Gemm = nanovlm_product;

// Which keys the query at position i of a row sees. documents, positions and spans are [key_tokens] or null.
struct Rules {
    const int64_t *documents, *positions, *spans;
    bool causal;
    int64_t window;

    bool seen(int64_t i, int64_t j) const {
        if (documents && documents[j] != 0 && documents[j] != documents[i]) return false;
        if (spans && spans[i] != 0 && spans[i] == spans[j]) return true;
        if (causal && j > i) return false;
        return window <= 0 || (positions ? positions[i] - positions[j] : i - j) < window;
    }
};

// One (batch, key-value head) of attention. Rows are tokens; the head dimension has unit stride.
// `group` query heads share the key-value head, `*_head` apart. Key j is seen by query i when it lies in
// [begin[i], end[i]), keys[j] != 0 and, where ranges are not enough, by the rules. A query that sees nothing gets zeros.
struct Attention {
    Dtype type;
    int64_t tokens, key_tokens, dim, group;
    float scale;
    const void *q, *k, *v;
    int64_t q_row, q_head, k_row, v_row;
    const int64_t *begin, *end;  // [tokens]
    const uint8_t* keys;         // [key_tokens] or null
    const Rules* rules;          // or null: the ranges are exact
    void* out;                   // forward only
    int64_t out_row, out_head;
    float* log_sum;  // [group, tokens]: log of the sum of exponentials of the scaled scores; may be null in forward
    // backward only
    const void* grad_out;
    int64_t grad_out_row, grad_out_head;
    void *grad_q, *grad_k, *grad_v;
    int64_t grad_q_row, grad_q_head, grad_k_row, grad_v_row;
};

// One (row, key-value head) of attention to cached keys: `group` queries of one token, next to each other, see all `keys` keys.
struct CachedAttention {
    Dtype type;
    int64_t keys, dim, group, row;  // row: from one key to the next
    float scale;
    const void *q, *k, *v;
    void* out;
};

struct AdamW {
    float lr, beta1, beta2, eps, weight_decay, bias_correction1, sqrt_bias_correction2, grad_scale;
};

struct Kernels {
    const char* name;
    int64_t tile_rows, tile_columns;  // of the matrix micro-kernel

    // Scratch is counted in floats and aligned to 64 bytes.
    int64_t (*gemm_scratch)(const Gemm&);
    void (*gemm)(const Gemm&, float* scratch);
    void (*gemm_few_rows)(const Gemm&);  // A with unit columns, B with unit rows, not accumulating: no scratch

    int64_t (*attention_scratch)(const Attention&, bool backward);
    void (*attention_forward)(const Attention&, float* scratch);
    void (*attention_backward)(const Attention&, float* scratch);
    void (*cached_attention)(const CachedAttention&, float* scratch);  // group * (keys + dim + 17) floats of scratch

    // The rest is indexed by Dtype: [kFloat], [kBfloat16].

    // By the types of x and y. rows of d; mean may be null (RMS norm); offset is added to the weight; bias may be null. In backward
    // grad_weight and grad_bias (null for RMS norm) [d] are added to, and so is grad_x where `add` [rows, d] is not null.
    void (*norm[2][2])(int64_t rows, int64_t d, int64_t x_row, const void* x, const float* weight, float offset, const float* bias,
                       float eps, void* y, float* mean, float* inverse);
    void (*norm_backward[2][2])(int64_t rows, int64_t d, int64_t x_row, const void* x, const float* weight, float offset, const float* mean,
                                const float* inverse, const void* grad, const float* add, void* grad_x, float* grad_weight,
                                float* grad_bias);

    // By the type of y. scale, grad_y and grad_scale may be null; grad_scale [d] is added to.
    void (*add_residual[2])(int64_t rows, int64_t d, int64_t x_row, const float* x, const void* y, const float* scale, float* out);
    void (*add_residual_backward[2])(int64_t rows, int64_t d, const float* grad, const void* y, const float* scale, void* grad_y,
                                     float* grad_scale);

    void (*gelu[2])(int64_t n, const void* x, void* y);
    void (*gelu_backward[2])(int64_t n, const void* x, const void* grad, void* grad_x);
    void (*swiglu[2])(int64_t n, const void* gate, const void* up, void* y);
    void (*swiglu_backward[2])(int64_t n, const void* gate, const void* up, const void* grad, void* grad_gate, void* grad_up);

    void (*rotary[2])(int64_t d, const void* x, const float* cos, const float* sin, bool backward, void* y);  // one head row

    void (*column_sum[2])(int64_t rows, int64_t columns, int64_t row, const void* x, float* sum);  // adds to sum
    void (*to_float[2])(int64_t n, const void* x, float* y);
    void (*from_float[2])(int64_t n, const float* x, void* y);
    void (*add_to[2])(int64_t n, const void* x, float* y);  // y += x

    // By the gradient's type: null where not wanted, or else may be logits. Returns the loss of a row; logits are overwritten.
    double (*cross_entropy[2])(int64_t n, float* logits, int64_t target, void* gradient);

    double (*sum_squares[2])(int64_t n, const void* x);
    // By the type of the averages.
    void (*adamw[2])(int64_t n, float* parameter, const float* gradient, void* average, void* average_square, const AdamW&);
};

const Kernels& cpu_kernels();
const Kernels& kernels_baseline();
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();

}  // namespace nanovlm
