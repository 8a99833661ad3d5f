// Conversions between the C ABI's handles and libtorch's types, and the guard that turns exceptions into a status.
#pragma once

#include <ATen/ATen.h>
#include <nanovlm.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

namespace nanovlm {

// A new reference for the caller to own; null for an undefined tensor.
inline nvlm_tensor to_handle(at::Tensor tensor) {
    return tensor.defined() ? reinterpret_cast<nvlm_tensor>(tensor.unsafeReleaseTensorImpl()) : nullptr;
}

inline c10::TensorImpl *impl(nvlm_tensor handle) { return reinterpret_cast<c10::TensorImpl *>(handle); }

// A tensor that shares the borrowed handle's reference count.
inline at::Tensor to_tensor(nvlm_tensor handle) {
    if (handle == nullptr) return at::Tensor();
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(impl(handle)));
}

inline std::vector<at::Tensor> to_tensors(const nvlm_tensor *handles, int64_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) tensors.push_back(to_tensor(handles[i]));
    return tensors;
}

inline at::Generator &generator(nvlm_generator handle) { return *reinterpret_cast<at::Generator *>(handle); }

inline char *copy_string(const std::string &text) {
    char *copy = static_cast<char *>(std::malloc(text.size() + 1));
    std::memcpy(copy, text.c_str(), text.size() + 1);
    return copy;
}

// Remembers the message of this thread's last error and returns NVLM_ERROR.
int fail(const std::string &message);

// Runs `body`; an exception becomes NVLM_ERROR with libtorch's own text, without its native backtrace.
template <typename Body>
int guarded(Body &&body) {
    try {
        body();
        return NVLM_OK;
    } catch (const c10::Error &error) {
        return fail(error.what_without_backtrace());
    } catch (const std::exception &error) {
        return fail(error.what());
    } catch (...) {
        return fail("unknown native error");
    }
}

}  // namespace nanovlm
