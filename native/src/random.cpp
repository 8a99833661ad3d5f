// Generators and their state.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <mutex>

#include "handles.h"

using namespace nanovlm;

namespace {

nvlm_generator own(at::Generator value) {
    return reinterpret_cast<nvlm_generator>(new at::Generator(std::move(value)));
}

}  // namespace

int nvlm_generator_new(int32_t device_type, int32_t device_index, uint64_t seed, nvlm_generator *result) {
    return guarded([&] {
        const c10::Device device(static_cast<c10::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index));
        if (device.is_cpu()) {
            *result = own(at::detail::createCPUGenerator(seed));
            return;
        }
        auto copy = at::globalContext().defaultGenerator(device).clone();
        copy.set_current_seed(seed);
        *result = own(std::move(copy));
    });
}

int nvlm_generator_default(int32_t device_type, int32_t device_index, nvlm_generator *result) {
    return guarded([&] {
        const c10::Device device(static_cast<c10::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index));
        *result = own(at::globalContext().defaultGenerator(device));
    });
}

void nvlm_generator_free(nvlm_generator handle) { delete reinterpret_cast<at::Generator *>(handle); }

int nvlm_generator_set_seed(nvlm_generator handle, uint64_t seed) {
    return guarded([&] {
        std::lock_guard<std::mutex> lock(generator(handle).mutex());
        generator(handle).set_current_seed(seed);
    });
}

int nvlm_generator_seed(nvlm_generator handle, uint64_t *seed) {
    return guarded([&] {
        std::lock_guard<std::mutex> lock(generator(handle).mutex());
        *seed = generator(handle).current_seed();
    });
}

int nvlm_generator_new_seed(nvlm_generator handle, uint64_t *seed) {
    return guarded([&] {
        std::lock_guard<std::mutex> lock(generator(handle).mutex());
        *seed = generator(handle).seed();
    });
}

int nvlm_generator_state(nvlm_generator handle, nvlm_tensor *state) {
    return guarded([&] {
        std::lock_guard<std::mutex> lock(generator(handle).mutex());
        *state = to_handle(generator(handle).get_state());
    });
}

int nvlm_generator_set_state(nvlm_generator handle, nvlm_tensor state) {
    return guarded([&] {
        std::lock_guard<std::mutex> lock(generator(handle).mutex());
        generator(handle).set_state(to_tensor(state));
    });
}

int nvlm_manual_seed(uint64_t seed) {
    return guarded([&] { at::manual_seed(seed); });
}
