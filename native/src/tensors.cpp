// Tensor lifetime, shape, dtype and raw memory.
#include <c10/core/ScalarType.h>

#include "handles.h"

using namespace nanovlm;

void nvlm_tensor_release(nvlm_tensor tensor) {
    if (tensor) c10::raw::intrusive_ptr::decref(impl(tensor));
}

nvlm_tensor nvlm_tensor_retain(nvlm_tensor tensor) {
    if (tensor) c10::raw::intrusive_ptr::incref(impl(tensor));
    return tensor;
}

int64_t nvlm_tensor_dim(nvlm_tensor tensor) { return impl(tensor)->dim(); }
int64_t nvlm_tensor_numel(nvlm_tensor tensor) { return impl(tensor)->numel(); }
int32_t nvlm_tensor_dtype(nvlm_tensor tensor) {
    return static_cast<int32_t>(c10::typeMetaToScalarType(impl(tensor)->dtype()));
}
int64_t nvlm_tensor_element_size(nvlm_tensor tensor) {
    return static_cast<int64_t>(impl(tensor)->dtype().itemsize());
}

void nvlm_tensor_device(nvlm_tensor tensor, int32_t *type, int32_t *index) {
    const auto device = impl(tensor)->device();
    *type = static_cast<int32_t>(device.type());
    *index = device.index();
}

int nvlm_tensor_sizes(nvlm_tensor tensor, int64_t *sizes) {
    return guarded([&] {
        const auto source = impl(tensor)->sizes();
        std::copy(source.begin(), source.end(), sizes);
    });
}

int nvlm_tensor_strides(nvlm_tensor tensor, int64_t *strides) {
    return guarded([&] {
        const auto source = impl(tensor)->strides();
        std::copy(source.begin(), source.end(), strides);
    });
}

int64_t nvlm_tensor_storage_offset(nvlm_tensor tensor) { return impl(tensor)->storage_offset(); }
int32_t nvlm_tensor_is_contiguous(nvlm_tensor tensor) { return impl(tensor)->is_contiguous(); }
int32_t nvlm_tensor_is_sparse(nvlm_tensor tensor) { return impl(tensor)->is_sparse(); }

int nvlm_tensor_data(nvlm_tensor tensor, void **data) {
    return guarded([&] { *data = to_tensor(tensor).data_ptr(); });
}

int nvlm_tensor_from_memory(const void *data, const int64_t *sizes, int32_t dim, int32_t dtype, nvlm_tensor *result) {
    return guarded([&] {
        const auto options = at::TensorOptions(static_cast<at::ScalarType>(dtype));
        auto tensor = at::empty(at::IntArrayRef(sizes, static_cast<size_t>(dim)), options);
        if (tensor.numel() > 0) std::memcpy(tensor.data_ptr(), data, tensor.nbytes());
        *result = to_handle(std::move(tensor));
    });
}

int nvlm_tensor_over_memory(void *data, const int64_t *sizes, int32_t dim, int32_t dtype, void (*release)(void *),
                            void *context, nvlm_tensor *result) {
    return guarded([&] {
        const auto options = at::TensorOptions(static_cast<at::ScalarType>(dtype));
        *result = to_handle(at::from_blob(data, at::IntArrayRef(sizes, static_cast<size_t>(dim)),
                                          [release, context](void *) { release(context); }, options));
    });
}

int nvlm_tensor_set_data(nvlm_tensor tensor, nvlm_tensor data) {
    return guarded([&] { to_tensor(tensor).set_data(to_tensor(data)); });
}
