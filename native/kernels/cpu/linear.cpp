// nanovlm::linear(Tensor input, Tensor weight, Tensor? bias) -> Tensor
//   input [..., in], weight [out, in], bias [out]; result [..., out] in the input's dtype.
//   The weight and bias may be float32 masters of a bfloat16 input; their gradients have their dtype.
//   Saved: the input where the weight wants a gradient, the weight where the input does (its bfloat16 copy where the product runs in
//   hardware bfloat16).
#include "common.h"

namespace nanovlm {
namespace {

void check_arguments(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
    check_float("linear", "input", input);
    check_float("linear", "weight", weight);
    TORCH_CHECK(weight.dim() == 2 && input.dim() >= 1 && input.size(-1) == weight.size(1), "nanovlm::linear: input ", input.sizes(),
                " does not match weight ", weight.sizes(), " [out, in]");
    TORCH_CHECK(!has(bias) || (bias->dim() == 1 && bias->size(0) == weight.size(0)), "nanovlm::linear: bias ", value(bias).sizes(),
                " does not match weight ", weight.sizes(), " [out, in]");
}

// weight may be product_weight's.
Tensor product(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
    std::vector<int64_t> sizes = input.sizes().vec();
    sizes.back() = weight.size(0);
    if (input.numel() == 0) {
        Tensor empty = at::zeros(sizes, input.options());
        return has(bias) ? empty + bias->to(input.scalar_type()) : empty;
    }
    return matmul(as_rows(input), weight.t(), input.scalar_type(), as_float(value(bias))).view(sizes);
}

Tensor linear_forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
    check_arguments(input, weight, bias);
    return product(input, product_weight(weight, input.scalar_type()), bias);
}

struct Linear : torch::autograd::Function<Linear> {
    static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
        at::AutoDispatchBelowADInplaceOrView guard;
        check_arguments(input, weight, bias);
        const Tensor factor = product_weight(weight, input.scalar_type());
        context->save_for_backward({weight.requires_grad() ? input : Tensor(), input.requires_grad() ? factor : Tensor()});
        context->saved_data["input_sizes"] = input.sizes().vec();
        context->saved_data["input_type"] = static_cast<int64_t>(input.scalar_type());
        context->saved_data["weight_sizes"] = weight.sizes().vec();
        context->saved_data["weight_type"] = static_cast<int64_t>(weight.scalar_type());
        context->saved_data["bias_type"] = has(bias) ? static_cast<int64_t>(bias->scalar_type()) : int64_t(-1);
        return product(input, factor, bias);
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        const variable_list saved = context->get_saved_variables();
        const Tensor &input = saved[0], &weight = saved[1];
        const auto input_type = at::ScalarType(context->saved_data["input_type"].toInt());
        const auto weight_type = at::ScalarType(context->saved_data["weight_type"].toInt());
        const int64_t bias_type = context->saved_data["bias_type"].toInt();
        if (!grads[0].defined()) return {Tensor(), Tensor(), Tensor()};
        const auto input_sizes = context->saved_data["input_sizes"].toIntVector(), weight_sizes = context->saved_data["weight_sizes"].toIntVector();
        const at::TensorOptions options = grads[0].options();
        if (c10::multiply_integers(input_sizes) == 0 || grads[0].numel() == 0)
            return {at::zeros(input_sizes, options.dtype(input_type)), at::zeros(weight_sizes, options.dtype(weight_type)),
                    bias_type < 0 ? Tensor() : at::zeros({weight_sizes[0]}, options.dtype(at::ScalarType(bias_type)))};
        const Tensor grad = as_rows(grads[0].to(input_type));
        Tensor grad_input, grad_weight, grad_bias;
        if (weight.defined() && context->needs_input_grad(0)) grad_input = matmul(grad, weight, input_type).view(input_sizes);
        if (input.defined() && context->needs_input_grad(1)) grad_weight = matmul(grad.t(), as_rows(input), weight_type);
        if (bias_type >= 0 && context->needs_input_grad(2)) grad_bias = column_sum(grad).to(at::ScalarType(bias_type));
        return {grad_input, grad_weight, grad_bias};
    }
};

Tensor linear_autograd(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) { return Linear::apply(input, weight, bias); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) { m.def("linear(Tensor input, Tensor weight, Tensor? bias) -> Tensor"); }
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) { m.impl("linear", linear_forward); }
TORCH_LIBRARY_IMPL(nanovlm, Autograd, m) { m.impl("linear", linear_autograd); }

}  // namespace nanovlm
