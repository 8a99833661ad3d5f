// The kernels for AVX2 and FMA.
#include "kernels.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#include <immintrin.h>

#define NANOVLM_ISA avx2
#define NANOVLM_STRING_OF(x) #x
#define NANOVLM_STRING(x) NANOVLM_STRING_OF(x)
#define NANOVLM_LANES 8
#define NANOVLM_TILE_ROWS 6

namespace nanovlm {
namespace NANOVLM_ISA {
#include "kernels.inl"
}
const Kernels& kernels_avx2() { return avx2::kTable; }
}  // namespace nanovlm

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
