// Which kernels this CPU runs. NANOVLM_CPU=baseline|avx2 asks for a lesser set (for tests and comparisons).
//
// The CPU is asked directly: __builtin_cpu_supports wants a runtime library that not every compiler links.
#include <cstdlib>
#include <cstring>

#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nanovlm {
namespace {

struct Cpu {
    bool avx2 = false, avx512 = false, bfloat16 = false;

    Cpu() {
#if defined(__x86_64__)
        unsigned a, b, c, d;
        if (!__get_cpuid(1, &a, &b, &c, &d)) return;
        const bool fma = c & (1u << 12), xsave = c & (1u << 27);
        if (!xsave) return;
        unsigned kept, high;  // the registers that the system keeps for a thread
        __asm__("xgetbv" : "=a"(kept), "=d"(high) : "c"(0));
        const auto all = [](unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; };
        if (!fma || !all(kept, 0x6) || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
        avx2 = b & (1u << 5);
        avx512 = avx2 && all(kept, 0xe6) && all(b, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31);  // F, DQ, BW, VL
        bfloat16 = avx512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 5));
#endif
    }
};

const Cpu cpu;

const Kernels& choose() {
#if defined(__x86_64__)
    const char* name = std::getenv("NANOVLM_CPU");
    const auto asked = [&](const char* which) { return name && std::strcmp(name, which) == 0; };
    if (cpu.avx512 && !asked("avx2") && !asked("baseline")) return kernels_avx512();
    if (cpu.avx2 && !asked("baseline")) return kernels_avx2();
#endif
    return kernels_baseline();
}

const Kernels& chosen = choose();

}  // namespace

const Kernels& cpu_kernels() { return chosen; }

}  // namespace nanovlm

int32_t nanovlm_abi_version(void) { return NANOVLM_ABI_VERSION; }
const char* nanovlm_cpu_name(void) { return nanovlm::cpu_kernels().name; }
int32_t nanovlm_bfloat16_hardware(void) { return nanovlm::cpu.bfloat16; }
