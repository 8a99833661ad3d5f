// What the operators share: argument checks, parallel matrix product, scratch memory.
//
// Every operator takes CPU tensors of float32 or bfloat16 in any strides, computes in float32, and gives
// the same bits at every run with the same number of threads (sums run over fixed blocks in fixed order).
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>
#include <torch/version.h>

#include "kernels.h"

namespace nanovlm {

using at::Tensor;
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 5)
using OptionalTensor = std::optional<Tensor>;
#else
using OptionalTensor = c10::optional<Tensor>;
#endif
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

inline bool has(const OptionalTensor& t) { return t.has_value() && t->defined(); }
inline Tensor value(const OptionalTensor& t) { return has(t) ? *t : Tensor(); }

// Refuses what the kernels do not compute, naming operator and argument.
inline void check_float(const char* op, const char* name, const Tensor& t) {
    TORCH_CHECK(t.device().is_cpu(), "nanovlm::", op, ": ", name, " is on ", t.device(), "; these kernels run on the CPU");
    TORCH_CHECK(t.scalar_type() == at::kFloat || t.scalar_type() == at::kBFloat16, "nanovlm::", op, ": ", name, " is ", t.scalar_type(),
                "; expected float32 or bfloat16");
}

inline Dtype dtype_of(const Tensor& t) { return t.scalar_type() == at::kFloat ? kFloat : kBfloat16; }

inline void* pointer(const Tensor& t, int64_t offset = 0) {
    return static_cast<char*>(t.data_ptr()) + offset * t.element_size();
}

// A float32 contiguous copy where the tensor is not one already; undefined stays undefined.
inline Tensor as_float(const Tensor& t) { return t.defined() ? t.to(at::kFloat).contiguous() : t; }
inline const float* floats(const Tensor& t) { return t.defined() ? static_cast<const float*>(t.data_ptr()) : nullptr; }

// The tensor as rows of its last dimension with unit stride; a view where the strides allow.
Tensor as_rows(const Tensor& t);

// At least `count` floats, 64-byte aligned, kept by the calling thread until it asks again.
float* scratch(int64_t count);

// The product of kernels.h over the threads of at::parallel_for.
void gemm(const Gemm& g);

// a [m, k] times b [k, n], any strides; plus bias [n] (float32) where given. bfloat16 pairs go to libtorch's product
// where the CPU multiplies bfloat16 in hardware.
Tensor matmul(const Tensor& a, const Tensor& b, at::ScalarType result, const Tensor& bias = {});

// The weight as matmul wants it beside inputs of `dtype`: narrowed once where the product runs in hardware bfloat16,
// otherwise as it is (it is converted while it is packed).
Tensor product_weight(const Tensor& weight, at::ScalarType dtype);

// Column sums [columns] in float32 of rows.
Tensor column_sum(const Tensor& rows);

// Products of at most this many rows are sums of dot products, as when one token a row is decoded.
constexpr int64_t kFewRows = 8;

// Elements a thread takes at the least: below this, starting it costs more than it saves.
constexpr int64_t kGrain = 4096;

// Whether backward will ask for the gradient of any of these.
inline bool needs_grad(std::initializer_list<Tensor> inputs) {
    if (!at::GradMode::is_enabled()) return false;
    for (const Tensor& t : inputs)
        if (t.defined() && t.requires_grad()) return true;
    return false;
}

}  // namespace nanovlm
