// nanovlm::rms_norm(Tensor x, Tensor weight, float eps, bool add_one) -> Tensor
//   x [..., d]; y = x / sqrt(mean(x^2) + eps) * weight, or * (1 + weight) as Gemma has it.
// nanovlm::layer_norm(Tensor x, Tensor weight, Tensor? bias, float eps) -> Tensor
//   y = (x - mean) / sqrt(variance + eps) * weight + bias.
//   The result has x's dtype; weight and bias [d] may be float32 beside a bfloat16 x.
//   Saved: x, weight and, a row, the mean and the inverse deviation in float32.
#include "common.h"

namespace nanovlm {
namespace {

struct Result {
    Tensor y, mean, inverse;
};

Result normalise(const char* op, const Tensor& x, const Tensor& weight, const OptionalTensor& bias, double eps, bool centre, bool add_one) {
    check_float(op, "x", x);
    check_float(op, "weight", weight);
    TORCH_CHECK(x.dim() >= 1 && weight.dim() == 1 && x.size(-1) == weight.size(0), "nanovlm::", op, ": x ", x.sizes(),
                " does not match weight ", weight.sizes());
    TORCH_CHECK(!has(bias) || bias->sizes() == weight.sizes(), "nanovlm::", op, ": bias ", value(bias).sizes(), " does not match weight ",
                weight.sizes());
    const Tensor rows = as_rows(x), scale = add_one ? as_float(weight) + 1 : as_float(weight), shift = as_float(value(bias));
    const int64_t count = rows.size(0), d = rows.size(1);
    Tensor y = at::empty(x.sizes(), x.options());
    Tensor mean = centre ? at::empty({count}, x.options().dtype(at::kFloat)) : Tensor();
    Tensor inverse = at::empty({count}, x.options().dtype(at::kFloat));
    at::parallel_for(0, count, std::max<int64_t>(1, kGrain / std::max<int64_t>(d, 1)), [&](int64_t begin, int64_t end) {
        cpu_kernels().norm[dtype_of(x)](end - begin, d, rows.stride(0), pointer(rows, begin * rows.stride(0)), floats(scale), floats(shift),
                                        static_cast<float>(eps), pointer(y, begin * d),
                                        centre ? static_cast<float*>(pointer(mean, begin)) : nullptr, static_cast<float*>(pointer(inverse, begin)));
    });
    return {y, mean, inverse};
}

struct Gradients {
    Tensor x, weight, bias;
};

Gradients normalise_backward(const Tensor& x, const Tensor& weight, const Tensor& mean, const Tensor& inverse, const Tensor& grad, bool add_one,
                             bool with_bias) {
    const Tensor rows = as_rows(x), scale = add_one ? as_float(weight) + 1 : as_float(weight);
    const Tensor dy = grad.to(x.scalar_type()).contiguous();
    const int64_t count = rows.size(0), d = rows.size(1);
    Tensor dx = at::empty(x.sizes(), x.options());
    const int64_t block = std::max<int64_t>(64, (count + 63) / 64), blocks = (count + block - 1) / block;
    Tensor parts = at::zeros({std::max<int64_t>(blocks, 1), with_bias ? 2 : 1, d}, x.options().dtype(at::kFloat));
    at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t first = i * block, n = std::min(block, count - first);
            float* part = static_cast<float*>(pointer(parts, i * parts.stride(0)));
            cpu_kernels().norm_backward[dtype_of(x)](n, d, rows.stride(0), pointer(rows, first * rows.stride(0)), floats(scale),
                                                     mean.defined() ? floats(mean) + first : nullptr, floats(inverse) + first,
                                                     pointer(dy, first * d), pointer(dx, first * d), part, with_bias ? part + d : nullptr);
        }
    });
    float* total = static_cast<float*>(parts.data_ptr());
    for (int64_t i = 1; i < blocks; i++) cpu_kernels().add_to[kFloat](parts.stride(0), total + i * parts.stride(0), total);
    return {dx, parts[0][0], with_bias ? parts[0][1] : Tensor()};
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
    static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, double eps, bool add_one) {
        at::AutoDispatchBelowADInplaceOrView guard;
        const Result result = normalise("rms_norm", x, weight, {}, eps, false, add_one);
        context->save_for_backward({x, weight, result.inverse});
        context->saved_data["add_one"] = add_one;
        return result.y;
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        if (!grads[0].defined()) return {Tensor(), Tensor(), Tensor(), Tensor()};
        const variable_list saved = context->get_saved_variables();
        const Gradients g = normalise_backward(saved[0], saved[1], {}, saved[2], grads[0], context->saved_data["add_one"].toBool(), false);
        return {g.x, g.weight.to(saved[1].scalar_type()), Tensor(), Tensor()};
    }
};

struct LayerNorm : torch::autograd::Function<LayerNorm> {
    static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const OptionalTensor& bias, double eps) {
        at::AutoDispatchBelowADInplaceOrView guard;
        const Result result = normalise("layer_norm", x, weight, bias, eps, true, false);
        context->save_for_backward({x, weight, result.mean, result.inverse});
        context->saved_data["bias_type"] = has(bias) ? static_cast<int64_t>(bias->scalar_type()) : int64_t(-1);
        return result.y;
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        if (!grads[0].defined()) return {Tensor(), Tensor(), Tensor(), Tensor()};
        const variable_list saved = context->get_saved_variables();
        const int64_t bias_type = context->saved_data["bias_type"].toInt();
        const Gradients g = normalise_backward(saved[0], saved[1], saved[2], saved[3], grads[0], false, bias_type >= 0);
        return {g.x, g.weight.to(saved[1].scalar_type()), bias_type >= 0 ? g.bias.to(at::ScalarType(bias_type)) : Tensor(), Tensor()};
    }
};

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps, bool add_one) {
    return normalise("rms_norm", x, weight, {}, eps, false, add_one).y;
}
Tensor rms_norm_autograd(const Tensor& x, const Tensor& weight, double eps, bool add_one) { return RmsNorm::apply(x, weight, eps, add_one); }
Tensor layer_norm(const Tensor& x, const Tensor& weight, const OptionalTensor& bias, double eps) {
    return normalise("layer_norm", x, weight, bias, eps, true, false).y;
}
Tensor layer_norm_autograd(const Tensor& x, const Tensor& weight, const OptionalTensor& bias, double eps) {
    return LayerNorm::apply(x, weight, bias, eps);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) {
    m.def("rms_norm(Tensor x, Tensor weight, float eps, bool add_one) -> Tensor");
    m.def("layer_norm(Tensor x, Tensor weight, Tensor? bias, float eps) -> Tensor");
}
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) {
    m.impl("rms_norm", rms_norm);
    m.impl("layer_norm", layer_norm);
}
TORCH_LIBRARY_IMPL(nanovlm, Autograd, m) {
    m.impl("rms_norm", rms_norm_autograd);
    m.impl("layer_norm", layer_norm_autograd);
}

}  // namespace nanovlm
