// The kernels for the plain instruction set of the platform (SSE2 on x86-64).
#include "kernels.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define NANOVLM_ISA baseline
#define NANOVLM_STRING_OF(x) #x
#define NANOVLM_STRING(x) NANOVLM_STRING_OF(x)
#define NANOVLM_LANES 4
#define NANOVLM_TILE_ROWS 6

namespace nanovlm {
namespace NANOVLM_ISA {
#include "kernels.inl"
}
const Kernels& kernels_baseline() { return baseline::kTable; }
}  // namespace nanovlm
