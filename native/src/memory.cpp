// Counts the bytes of tensors on the CPU that a thread makes, by libtorch's own report of allocations.
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/version.h>

#include <atomic>

#include "handles.h"

namespace {

struct Counter : public c10::MemoryReportingInfoBase {
    std::atomic<int64_t> now{0}, peak{0};

#if TORCH_VERSION_MAJOR >= 2
    void reportMemoryUsage(void *, int64_t size, size_t, size_t, c10::Device device) override { count(size, device); }
#else
    void reportMemoryUsage(void *, int64_t size, int64_t, int64_t, c10::Device device) override { count(size, device); }
#endif
    bool memoryProfilingEnabled() const override { return true; }

    void count(int64_t size, c10::Device device) {
        if (!device.is_cpu()) return;
        const int64_t held = now += size;
        for (int64_t seen = peak; held > seen && !peak.compare_exchange_weak(seen, held);) {
        }
    }
};

struct Scope {
    std::shared_ptr<Counter> counter = std::make_shared<Counter>();
    c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, counter};
};

}  // namespace

nvlm_allocation_counter nvlm_allocation_counter_new(void) { return reinterpret_cast<nvlm_allocation_counter>(new Scope()); }
void nvlm_allocation_counter_free(nvlm_allocation_counter counter) { delete reinterpret_cast<Scope *>(counter); }

int64_t nvlm_allocation_counter_read(nvlm_allocation_counter handle, int64_t *peak, int32_t reset_peak) {
    Counter &counter = *reinterpret_cast<Scope *>(handle)->counter;
    *peak = counter.peak;
    if (reset_peak) counter.peak = counter.now.load();
    return counter.now;
}
