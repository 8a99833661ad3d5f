// nanovlm::gelu_tanh(Tensor x) -> Tensor             x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2; saved: x
// nanovlm::swiglu(Tensor gate, Tensor up) -> Tensor  gate sigmoid(gate) up, same shapes and dtypes; saved: both
#include "common.h"

namespace nanovlm {
namespace {

template <class Body>
void over_elements(const Tensor& like, Body body) {
    at::parallel_for(0, like.numel(), kGrain, [&](int64_t begin, int64_t end) { body(end - begin, begin); });
}

Tensor gelu_forward(const Tensor& x) {
    check_float("gelu_tanh", "x", x);
    const Tensor from = x.contiguous();
    Tensor y = at::empty(x.sizes(), x.options());
    over_elements(y, [&](int64_t n, int64_t i) { cpu_kernels().gelu[dtype_of(x)](n, pointer(from, i), pointer(y, i)); });
    return y;
}

struct Gelu : torch::autograd::Function<Gelu> {
    static Tensor forward(AutogradContext* context, const Tensor& x) {
        at::AutoDispatchBelowADInplaceOrView guard;
        context->save_for_backward({x});
        return gelu_forward(x);
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        if (!grads[0].defined()) return {Tensor()};
        const Tensor x = context->get_saved_variables()[0].contiguous(), grad = grads[0].to(x.scalar_type()).contiguous();
        Tensor grad_x = at::empty(x.sizes(), x.options());
        over_elements(x, [&](int64_t n, int64_t i) {
            cpu_kernels().gelu_backward[dtype_of(x)](n, pointer(x, i), pointer(grad, i), pointer(grad_x, i));
        });
        return {grad_x};
    }
};

Tensor swiglu_forward(const Tensor& gate, const Tensor& up) {
    check_float("swiglu", "gate", gate);
    TORCH_CHECK(gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type(), "nanovlm::swiglu: gate ", gate.sizes(), " ",
                gate.scalar_type(), " and up ", up.sizes(), " ", up.scalar_type(), " differ");
    const Tensor g = gate.contiguous(), u = up.contiguous();
    Tensor y = at::empty(g.sizes(), g.options());
    over_elements(y, [&](int64_t n, int64_t i) { cpu_kernels().swiglu[dtype_of(g)](n, pointer(g, i), pointer(u, i), pointer(y, i)); });
    return y;
}

struct Swiglu : torch::autograd::Function<Swiglu> {
    static Tensor forward(AutogradContext* context, const Tensor& gate, const Tensor& up) {
        at::AutoDispatchBelowADInplaceOrView guard;
        context->save_for_backward({gate, up});
        return swiglu_forward(gate, up);
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        if (!grads[0].defined()) return {Tensor(), Tensor()};
        const variable_list saved = context->get_saved_variables();
        const Tensor gate = saved[0].contiguous(), up = saved[1].contiguous(), grad = grads[0].to(gate.scalar_type()).contiguous();
        Tensor grad_gate = at::empty(gate.sizes(), gate.options()), grad_up = at::empty(gate.sizes(), gate.options());
        over_elements(gate, [&](int64_t n, int64_t i) {
            cpu_kernels().swiglu_backward[dtype_of(gate)](n, pointer(gate, i), pointer(up, i), pointer(grad, i), pointer(grad_gate, i),
                                                          pointer(grad_up, i));
        });
        return {grad_gate, grad_up};
    }
};

Tensor gelu_autograd(const Tensor& x) { return Gelu::apply(x); }
Tensor swiglu_autograd(const Tensor& gate, const Tensor& up) { return Swiglu::apply(gate, up); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) {
    m.def("gelu_tanh(Tensor x) -> Tensor");
    m.def("swiglu(Tensor gate, Tensor up) -> Tensor");
}
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) {
    m.impl("gelu_tanh", gelu_forward);
    m.impl("swiglu", swiglu_forward);
}
TORCH_LIBRARY_IMPL(nanovlm, Autograd, m) {
    m.impl("gelu_tanh", gelu_autograd);
    m.impl("swiglu", swiglu_autograd);
}

}  // namespace nanovlm
