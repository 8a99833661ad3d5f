// The kernels of kernels.h for one instruction set. A kernels_*.cpp defines NANOVLM_ISA (a namespace
// name), NANOVLM_LANES (floats in a vector) and NANOVLM_TILE_ROWS, and includes this file once.
#include "simd.inl"

#include "gemm.inl"

#include "activation.inl"
#include "attention.inl"
#include "cached_attention.inl"
#include "elements.inl"
#include "few_rows.inl"
#include "loss.inl"
#include "norm.inl"
#include "optimizer.inl"
#include "rotary.inl"

static const Kernels kTable = {
    NANOVLM_STRING(NANOVLM_ISA), MR, NR,
    gemm_scratch, gemm, gemm_few_rows,
    attention_scratch, attention_forward, attention_backward, cached_attention,
    {{norm<float, float>, norm<float, bf16>}, {norm<bf16, float>, norm<bf16, bf16>}},
    {{norm_backward<float, float>, norm_backward<float, bf16>}, {norm_backward<bf16, float>, norm_backward<bf16, bf16>}},
    {add_residual<float>, add_residual<bf16>}, {add_residual_backward<float>, add_residual_backward<bf16>},
    {gelu<float>, gelu<bf16>}, {gelu_backward<float>, gelu_backward<bf16>},
    {swiglu<float>, swiglu<bf16>}, {swiglu_backward<float>, swiglu_backward<bf16>},
    {rotary<float>, rotary<bf16>},
    {column_sum<float>, column_sum<bf16>}, {to_float<float>, to_float<bf16>}, {from_float<float>, from_float<bf16>},
    {add_to<float>, add_to<bf16>},
    {cross_entropy<float>, cross_entropy<bf16>},
    {sum_squares<float>, sum_squares<bf16>}, {adamw<float>, adamw<bf16>},
};
