/*
 * nanovlm_kernels: the operators of NanoVlm on the CPU, as a plain C library.
 *
 * It knows pointers, sizes and strides, and nothing of tensors. It does not allocate, starts no thread and keeps no state, so every
 * function may be called from several threads at once.
 *
 * Strides and sizes count elements. "Contiguous" is row-major without gaps. Results do not overlap inputs unless a function says so.
 * Storage is float32 or bfloat16; arithmetic is float32, and sums that feed one number over many rows run over fixed blocks in fixed
 * order. So a function gives the same bits at every run, whatever the number of threads. Callers check shapes and types; only indices,
 * which are data, are checked here: such functions return -1, or the position of the first index that is out of range, in which case
 * nothing was computed.
 */
#ifndef NANOVLM_KERNELS_H
#define NANOVLM_KERNELS_H

#include <stdint.h>

#if defined(_WIN32)
#define NANOVLM_API __declspec(dllexport)
#else
#define NANOVLM_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Rises with every change of this file that a caller compiled for the one before would not survive. */
#define NANOVLM_ABI_VERSION 1

enum { NANOVLM_FLOAT32 = 0, NANOVLM_BFLOAT16 = 1 }; /* every *_type */

/*
 * Where threads come from. parallel_for calls body over pieces of [begin, end), each of at least grain indices but the last, and returns
 * when all are done; it may run them all itself. libtorch's torch_parallel_for is one. count is how many threads it has, at least 1.
 * A null nanovlm_threads*, or one with a null parallel_for, means the calling thread alone.
 */
typedef struct nanovlm_threads {
    int32_t (*parallel_for)(int64_t begin, int64_t end, int64_t grain, void (*body)(int64_t, int64_t, void*), void* context);
    int64_t count;
} nanovlm_threads;

/*
 * Scratch: a function with a `void* scratch` wants as many bytes there as its `_scratch` companion says for the same arguments and the
 * same threads, aligned to 64 bytes; null is enough where that is 0. Companions look at sizes, strides and types, not at what pointers
 * point at, except where they say so. What scratch holds before and after means nothing.
 */

/* ---- the library ---------------------------------------------------------------------------------------------------------------- */

NANOVLM_API int32_t nanovlm_abi_version(void);

/* "avx512", "avx2" or "baseline": what this CPU runs. NANOVLM_CPU=baseline|avx2 in the environment, read at load, asks for less. */
NANOVLM_API const char* nanovlm_cpu_name(void);

/* 1 where the CPU multiplies bfloat16 in hardware: libtorch's own bfloat16 product (oneDNN) is then the faster one. */
NANOVLM_API int32_t nanovlm_bfloat16_hardware(void);

/* ---- matrix product ------------------------------------------------------------------------------------------------------------- */

/*
 * C [m, n] = A [m, k] B [k, n], plus bias [n] where given, or plus C with accumulate (then C is float32 and bias is null).
 * A and B have any strides and types, each its own; C has unit column stride. k may be 0. A narrower operand is widened and a wider one
 * kept as it is: float32 weights beside bfloat16 activations lose nothing.
 */
typedef struct nanovlm_product {
    int64_t m, n, k;
    const void* a;
    int64_t a_row, a_column;
    const void* b;
    int64_t b_row, b_column;
    void* c;
    int64_t c_row;
    const float* bias; /* [n] or null */
    int32_t a_type, b_type, c_type, accumulate;
} nanovlm_product;

NANOVLM_API int64_t nanovlm_gemm_scratch(const nanovlm_product* product, const nanovlm_threads* threads);
NANOVLM_API void nanovlm_gemm(const nanovlm_product* product, void* scratch, const nanovlm_threads* threads);

/* total [columns] = the sums over the rows of x [rows, columns], unit column stride. */
NANOVLM_API int64_t nanovlm_column_sum_scratch(int64_t rows, int64_t columns);
NANOVLM_API void nanovlm_column_sum(int64_t rows, int64_t columns, const void* x, int64_t x_row, int32_t x_type, float* total,
                                    void* scratch, const nanovlm_threads* threads);

/* ---- normalisation and the residual stream -------------------------------------------------------------------------------------- */

/*
 * Rows of `dim`. With w = weight, or 1 + weight where add_one (Gemma):
 *   RMS norm, mean null:   y = x inverse w,                inverse = 1 / sqrt(mean(x^2) + eps)
 *   layer norm, mean set:  y = (x - mean) inverse w + bias, inverse = 1 / sqrt(variance + eps)
 * mean and inverse [rows] are written by forward and read by backward. x has unit column stride; every other matrix is contiguous.
 * y and grad_y have y_type, x and grad_x have x_type, all four pairs of types are served.
 *
 * With a branch, forward first adds it to the residual stream and norms what comes out, in one pass over memory:
 *   sum = x + branch, or x + branch * branch_scale;  y = norm(sum)
 * Then x_type is float32, and backward takes sum as its x: grad_x = grad_sum + what comes through the norm is the gradient of both x and
 * sum, and grad_branch = grad_x, or grad_x * branch_scale. Without a branch those fields are null; grad_sum may be used alone too.
 */
typedef struct nanovlm_norm {
    int64_t rows, dim;
    const void* x;
    int64_t x_row;
    const float* weight; /* [dim] */
    const float* bias;   /* [dim] or null; forward only */
    void* y;             /* forward only */
    float* mean;         /* [rows], or null for RMS norm */
    float* inverse;      /* [rows] */

    const void* branch;        /* [rows, dim] in branch_type, or null; in backward only wanted for grad_branch_scale */
    const float* branch_scale; /* [dim] or null */
    float* sum;                /* forward only, with a branch; may be x */

    const void* grad_y;       /* the rest is backward's */
    void* grad_x;             /* [rows, dim]; may be grad_sum */
    float* grad_weight;       /* [dim] or null */
    float* grad_bias;         /* [dim] or null */
    const float* grad_sum;    /* what reaches sum from later in the stream, or null; with it grad_x is float32 */
    void* grad_branch;        /* in branch_type, or null */
    float* grad_branch_scale; /* [dim] or null */

    float eps;
    int32_t add_one, x_type, y_type, branch_type, reserved;
} nanovlm_norm;

NANOVLM_API void nanovlm_norm_forward(const nanovlm_norm* norm, const nanovlm_threads* threads);
NANOVLM_API int64_t nanovlm_norm_backward_scratch(const nanovlm_norm* norm);
NANOVLM_API void nanovlm_norm_backward(const nanovlm_norm* norm, void* scratch, const nanovlm_threads* threads);

/* out = x + y, or x + y * scale [dim]; x and out float32, y in y_type, all contiguous [rows, dim]. out may be x. */
NANOVLM_API void nanovlm_add_residual(int64_t rows, int64_t dim, const float* x, const void* y, int32_t y_type, const float* scale,
                                      float* out, const nanovlm_threads* threads);

/*
 * grad_y = grad, or grad * scale, in y_type; grad_scale [dim] = the sums over rows of grad * y, null where not wanted (y may then be
 * null). The gradient of x is grad itself.
 */
NANOVLM_API int64_t nanovlm_add_residual_backward_scratch(int64_t rows, int64_t dim);
NANOVLM_API void nanovlm_add_residual_backward(int64_t rows, int64_t dim, const float* grad, const void* y, int32_t y_type,
                                               const float* scale, void* grad_y, float* grad_scale, void* scratch,
                                               const nanovlm_threads* threads);

/* ---- activations: n elements, contiguous, all of one type; results may be inputs ------------------------------------------------ */

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
NANOVLM_API void nanovlm_gelu_tanh(int64_t n, const void* x, void* y, int32_t type, const nanovlm_threads* threads);
NANOVLM_API void nanovlm_gelu_tanh_backward(int64_t n, const void* x, const void* grad, void* grad_x, int32_t type,
                                            const nanovlm_threads* threads);

/* gate sigmoid(gate) up */
NANOVLM_API void nanovlm_swiglu(int64_t n, const void* gate, const void* up, void* y, int32_t type, const nanovlm_threads* threads);
NANOVLM_API void nanovlm_swiglu_backward(int64_t n, const void* gate, const void* up, const void* grad, void* grad_gate, void* grad_up,
                                         int32_t type, const nanovlm_threads* threads);

/* ---- rotary embedding ----------------------------------------------------------------------------------------------------------- */

/* Heads [batch, tokens, heads, dim] with any strides, but unit dim stride. */
typedef struct nanovlm_heads {
    void* data;
    int64_t batch, token, head; /* strides */
} nanovlm_heads;

/*
 * y = x cos + rotate_half(x) sin, rotate_half(x) = (-second half, first half), or its transpose with backward (x is then the gradient of
 * y). x and y [batch, tokens, heads, dim] in `type`, dim even; y may be x. cos and sin are float32 [tokens, dim], contiguous; angle_batch
 * is the stride from one batch row's to the next, 0 where all share them.
 */
typedef struct nanovlm_rotary {
    int64_t batch, tokens, heads, dim;
    nanovlm_heads x, y;
    const float *cos, *sin;
    int64_t angle_batch;
    int32_t type, backward;
} nanovlm_rotary;

NANOVLM_API void nanovlm_rotate(const nanovlm_rotary* rotary, const nanovlm_threads* threads);

/* ---- embedding and rows by index ------------------------------------------------------------------------------------------------ */

/* out [count, dim], contiguous, in out_type: the rows `ids` of weight [vocabulary, dim]. Ids are checked. */
NANOVLM_API int64_t nanovlm_embedding(int64_t vocabulary, int64_t dim, const void* weight, int64_t weight_row, int32_t weight_type,
                                      int64_t count, const int64_t* ids, void* out, int32_t out_type, const nanovlm_threads* threads);

/* Adds row i of grad [count, dim] to row ids[i] of total [vocabulary, dim], float32, in the order of i; contiguous. Ids are checked. */
NANOVLM_API int64_t nanovlm_embedding_backward_scratch(int64_t vocabulary, int64_t count);
NANOVLM_API int64_t nanovlm_embedding_backward(int64_t vocabulary, int64_t dim, int64_t count, const int64_t* ids, const void* grad,
                                               int32_t grad_type, float* total, void* scratch, const nanovlm_threads* threads);

/*
 * Rows of row_bytes bytes: gather copies row index[i] of `from` to row i of `to`, scatter row i of `from` to row index[i] of `to` (no
 * index twice). from_row and to_row are bytes from one row to the next. Indices are not checked.
 */
NANOVLM_API void nanovlm_gather_rows(int64_t count, int64_t row_bytes, const int64_t* index, const void* from, int64_t from_row, void* to,
                                     int64_t to_row, const nanovlm_threads* threads);
NANOVLM_API void nanovlm_scatter_rows(int64_t count, int64_t row_bytes, const int64_t* index, const void* from, int64_t from_row, void* to,
                                      int64_t to_row, const nanovlm_threads* threads);

/* ---- attention ------------------------------------------------------------------------------------------------------------------ */

/*
 * q and out [batch, tokens, heads, dim], k and v [batch, key_tokens, groups, dim], heads a multiple of groups (head h reads group
 * h groups / heads), one type: slices of a fused projection are read where they lie.
 *
 * The queries are the last `tokens` of the key_tokens positions; so tokens <= key_tokens wherever documents, positions or spans are
 * given. Masks are contiguous [batch, key_tokens] or null. key_mask: keys with 0 are not attended to. documents: a query attends to keys
 * of its own document and of document 0, which all share. causal: query i sees keys up to i + key_tokens - tokens. window > 0: only the
 * last `window` of those, counted in positions where given. spans: keys of the query's own span, 0 being none, are seen beyond causal
 * and window too. A query that sees nothing gives zeros and passes no gradient. Documents and spans that lie in one piece cost what
 * their own keys cost.
 *
 * log_sum [batch, heads, tokens], contiguous: the logarithm of the sum of the exponentials of the scaled scores; forward writes it where
 * it is not null, backward reads it. Backward reads q, k, v, the masks, log_sum and grad_out, and writes all of grad_q, grad_k, grad_v.
 */
typedef struct nanovlm_attention {
    int64_t batch, tokens, key_tokens, heads, groups, dim;
    nanovlm_heads q, k, v;
    const uint8_t* key_mask;
    const int64_t *documents, *positions, *spans;
    int64_t window;    /* 0: none */
    nanovlm_heads out; /* forward only */
    float* log_sum;
    nanovlm_heads grad_out, grad_q, grad_k, grad_v; /* backward only */
    float scale;
    int32_t type, causal, reserved;
} nanovlm_attention;

NANOVLM_API int64_t nanovlm_attention_forward_scratch(const nanovlm_attention* attention, const nanovlm_threads* threads);
NANOVLM_API void nanovlm_attention_forward(const nanovlm_attention* attention, void* scratch, const nanovlm_threads* threads);
NANOVLM_API int64_t nanovlm_attention_backward_scratch(const nanovlm_attention* attention, const nanovlm_threads* threads);
NANOVLM_API void nanovlm_attention_backward(const nanovlm_attention* attention, void* scratch, const nanovlm_threads* threads);

/*
 * One new token a row, without gradients: q and out [batch, heads, dim], k and v [batch, groups, dim], contiguous, one type. Row b's
 * keys and values are row rows[b] of the caches [cache_rows, slots, groups, dim], contiguous, which holds lengths[b] tokens so far:
 * the new one goes to slot lengths[b] mod slots, so that the caches keep the last `slots` tokens, and the query sees all that are
 * held. No row twice. A row outside the caches or a negative length is reported as an index out of range.
 */
typedef struct nanovlm_cached_attention {
    int64_t batch, heads, groups, dim, cache_rows, slots;
    const void *q, *k, *v;
    void *keys, *values;
    const int64_t *rows, *lengths; /* [batch] */
    void* out;
    float scale;
    int32_t type;
} nanovlm_cached_attention;

NANOVLM_API int64_t nanovlm_attend_cached_scratch(const nanovlm_cached_attention* attention, const nanovlm_threads* threads);
NANOVLM_API int64_t nanovlm_attend_cached(const nanovlm_cached_attention* attention, void* scratch, const nanovlm_threads* threads);

/* ---- loss ----------------------------------------------------------------------------------------------------------------------- */

/*
 * losses[i] = -log softmax(logits[i])[targets[i]], and grad[i] = softmax(logits[i]) minus the one-hot target, in grad_type.
 * logits [rows, classes], contiguous, are overwritten; grad is contiguous too, null where not wanted, and may be logits itself (float32).
 * Targets are checked: rows that do not count are left out by the caller.
 */
NANOVLM_API int64_t nanovlm_cross_entropy(int64_t rows, int64_t classes, float* logits, const int64_t* targets, double* losses, void* grad,
                                          int32_t grad_type, const nanovlm_threads* threads);

/* ---- optimizer ------------------------------------------------------------------------------------------------------------------ */

typedef struct nanovlm_parameter {
    int64_t size;
    float* value;
    const float* gradient;
    void *average, *average_square; /* in average_type: bfloat16 halves their memory; the step is taken before they are rounded */
    int32_t average_type, reserved;
} nanovlm_parameter;

/*
 * One AdamW step in place, as torch.optim.AdamW takes it: gradients are first multiplied by grad_scale; the parameter decays by
 * lr weight_decay, then moves by lr / (1 - beta1^step) average / (sqrt(average_square) / sqrt(1 - beta2^step) + eps). step counts from 1.
 */
typedef struct nanovlm_adamw_options {
    double lr, beta1, beta2, eps, weight_decay, grad_scale;
    int64_t step;
} nanovlm_adamw_options;

NANOVLM_API void nanovlm_adamw(int64_t count, const nanovlm_parameter* parameters, const nanovlm_adamw_options* options,
                               const nanovlm_threads* threads);

typedef struct nanovlm_array {
    int64_t size;
    const void* data;
    int32_t type, reserved;
} nanovlm_array;

/* The sum of the squares of all elements of all arrays; its root is the norm of all gradients together. The companion reads the list. */
NANOVLM_API int64_t nanovlm_sum_squares_scratch(int64_t count, const nanovlm_array* arrays);
NANOVLM_API double nanovlm_sum_squares(int64_t count, const nanovlm_array* arrays, void* scratch, const nanovlm_threads* threads);

/* ---- elements: contiguous ------------------------------------------------------------------------------------------------------- */

/* to[i] = from[i]; float32 to bfloat16 rounds to nearest even, NaN stays NaN. */
NANOVLM_API void nanovlm_convert(int64_t n, const void* from, int32_t from_type, void* to, int32_t to_type, const nanovlm_threads* threads);

/* y[i] += x[i], y float32. */
NANOVLM_API void nanovlm_add_to(int64_t n, const void* x, int32_t x_type, float* y, const nanovlm_threads* threads);

#ifdef __cplusplus
}
#endif
#endif
