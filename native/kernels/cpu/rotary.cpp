// nanovlm::rotary(Tensor x, Tensor cos, Tensor sin, int heads_dim) -> Tensor
//   x [B, T, H, D] with heads_dim 2 or [B, H, T, D] with heads_dim 1, D even; cos, sin [T, D] or [B or 1, T, D].
//   x cos + rotate_half(x) sin, rotate_half(x) = (-second half, first half). cos and sin get no gradient.
//   The result has x's dtype and, where x is dense, its strides. Saved: cos, sin.
#include "common.h"

namespace nanovlm {
namespace {

Tensor rotate(const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t heads_dim, bool backward) {
    check_float("rotary", "x", x);
    TORCH_CHECK(x.dim() == 4 && (heads_dim == 1 || heads_dim == 2) && x.size(3) % 2 == 0, "nanovlm::rotary: x ", x.sizes(),
                " with heads_dim ", heads_dim, "; expected [B, T, H, D] with 2 or [B, H, T, D] with 1, and D even");
    const int64_t tokens_dim = 3 - heads_dim, batch = x.size(0), tokens = x.size(tokens_dim), heads = x.size(heads_dim), d = x.size(3);
    const bool shared = cos.dim() == 2 || (cos.dim() == 3 && cos.size(0) == 1);
    TORCH_CHECK(cos.sizes() == sin.sizes() && (cos.dim() == 2 || (cos.dim() == 3 && (shared || cos.size(0) == batch))) &&
                    cos.size(-2) == tokens && cos.size(-1) == d,
                "nanovlm::rotary: cos ", cos.sizes(), " and sin ", sin.sizes(), " do not match x ", x.sizes(), "; expected [T, D] or [B, T, D]");
    const Tensor from = x.stride(3) == 1 ? x : x.contiguous(), c = as_float(cos), s = as_float(sin);
    Tensor y = at::empty_like(from);
    if (y.stride(3) != 1) y = at::empty(x.sizes(), x.options());
    at::parallel_for(0, batch * tokens, std::max<int64_t>(1, kGrain / std::max<int64_t>(heads * d, 1)), [&](int64_t begin, int64_t end) {
        const auto kernel = cpu_kernels().rotary[dtype_of(x)];
        for (int64_t i = begin; i < end; i++) {
            const int64_t b = i / tokens, t = i % tokens, angle = (shared ? t : i) * d;
            for (int64_t h = 0; h < heads; h++)
                kernel(d, pointer(from, b * from.stride(0) + t * from.stride(tokens_dim) + h * from.stride(heads_dim)), floats(c) + angle,
                       floats(s) + angle, backward, pointer(y, b * y.stride(0) + t * y.stride(tokens_dim) + h * y.stride(heads_dim)));
        }
    });
    return y;
}

struct Rotary : torch::autograd::Function<Rotary> {
    static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t heads_dim) {
        at::AutoDispatchBelowADInplaceOrView guard;
        context->save_for_backward({cos, sin});
        context->saved_data["heads_dim"] = heads_dim;
        return rotate(x, cos, sin, heads_dim, false);
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        if (!grads[0].defined()) return {Tensor(), Tensor(), Tensor(), Tensor()};
        const variable_list saved = context->get_saved_variables();
        return {rotate(grads[0], saved[0], saved[1], context->saved_data["heads_dim"].toInt(), true), Tensor(), Tensor(), Tensor()};
    }
};

Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t heads_dim) { return rotate(x, cos, sin, heads_dim, false); }
Tensor rotary_autograd(const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t heads_dim) {
    return Rotary::apply(x, cos, sin, heads_dim);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) { m.def("rotary(Tensor x, Tensor cos, Tensor sin, int heads_dim) -> Tensor"); }
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) { m.impl("rotary", rotary); }
TORCH_LIBRARY_IMPL(nanovlm, Autograd, m) { m.impl("rotary", rotary_autograd); }

}  // namespace nanovlm
