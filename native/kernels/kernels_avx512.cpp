// The kernels for AVX-512 (F, BW, VL, DQ).
#include "kernels.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,fma,prefer-vector-width=512")
#endif
#include <immintrin.h>

#define NANOVLM_ISA avx512
#define NANOVLM_STRING_OF(x) #x
#define NANOVLM_STRING(x) NANOVLM_STRING_OF(x)
#define NANOVLM_LANES 16
#define NANOVLM_TILE_ROWS 8

namespace nanovlm {
namespace NANOVLM_ISA {
#include "kernels.inl"
}
const Kernels& kernels_avx512() { return avx512::kTable; }
}  // namespace nanovlm

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
