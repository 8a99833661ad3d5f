// Which kernels this CPU runs. NANOVLM_CPU=baseline|avx2|avx512 asks for a lesser set (for tests and comparisons).
#include "kernels.h"

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nanovlm {

static const Kernels& choose() {
#if defined(__x86_64__)
    const char* asked = std::getenv("NANOVLM_CPU");
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (asked && std::strcmp(asked, "baseline") == 0) return kernels_baseline();
    if (avx512 && !(asked && std::strcmp(asked, "avx2") == 0)) return kernels_avx512();
    if (avx2) return kernels_avx2();
#endif
    return kernels_baseline();
}

const Kernels& cpu_kernels() {
    static const Kernels& chosen = choose();
    return chosen;
}

bool bfloat16_hardware() {
#if defined(__x86_64__)
    static const bool found = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        const bool bf16 = __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 5));
        return bf16 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    }();
    return found;
#else
    return false;
#endif
}

}  // namespace nanovlm
