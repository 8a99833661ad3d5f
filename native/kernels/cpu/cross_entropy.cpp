// nanovlm::linear_cross_entropy(Tensor hidden, Tensor weight, Tensor targets, int ignore_index) -> (Tensor loss_sum, Tensor count)
//   hidden [..., D], weight [V, D] (the language head), targets [...] int64 in [0, V) or ignore_index.
//   loss_sum: float32 scalar, the sum over the counted targets of -log softmax(hidden weight^T)[target];
//   count: int64 scalar, how many targets were counted. The mean is loss_sum / count.
//   Logits exist for a chunk of rows at a time, and only for rows whose target counts. Where a gradient is wanted
//   it is computed in forward, chunk by chunk, and backward scales it. Saved: the gradients of hidden and weight.
#include "common.h"

#include <torch/csrc/autograd/graph_task.h>

namespace nanovlm {
namespace {

constexpr int64_t kLogits = 1 << 21;  // floats of logits at a time: 8 MiB

struct Loss {
    Tensor sum, count, grad_hidden, grad_weight;
};

Loss compute(const Tensor& hidden, const Tensor& weight, const Tensor& targets, int64_t ignore_index, bool want_hidden, bool want_weight) {
    check_float("linear_cross_entropy", "hidden", hidden);
    check_float("linear_cross_entropy", "weight", weight);
    TORCH_CHECK(hidden.dim() >= 1 && weight.dim() == 2 && hidden.size(-1) == weight.size(1) && targets.sizes() == hidden.sizes().slice(0, hidden.dim() - 1),
                "nanovlm::linear_cross_entropy: hidden ", hidden.sizes(), ", weight ", weight.sizes(), ", targets ", targets.sizes(),
                "; expected [..., D], [V, D], [...]");
    const Tensor all = as_rows(hidden), labels = targets.to(at::kLong).contiguous().view({-1});
    const int64_t vocabulary = weight.size(0), d = weight.size(1);
    const int64_t* label = static_cast<const int64_t*>(labels.data_ptr());
    std::vector<int64_t> counted;
    for (int64_t i = 0; i < labels.numel(); i++) {
        if (label[i] == ignore_index) continue;
        TORCH_CHECK(label[i] >= 0 && label[i] < vocabulary, "nanovlm::linear_cross_entropy: target ", label[i], " at row ", i,
                    " is outside the vocabulary of ", vocabulary);
        counted.push_back(i);
    }
    const int64_t count = static_cast<int64_t>(counted.size());
    const auto options = hidden.options().dtype(at::kFloat);
    Loss loss;
    loss.count = at::scalar_tensor(count, hidden.options().dtype(at::kLong));
    if (want_hidden) loss.grad_hidden = at::zeros(hidden.sizes(), hidden.options());
    if (want_weight) loss.grad_weight = at::zeros(weight.sizes(), options);
    const Kernels& kernels = cpu_kernels();
    const Dtype type = dtype_of(hidden);
    const Tensor head = product_weight(weight.stride(1) == 1 ? weight : weight.contiguous(), hidden.scalar_type());
    const int64_t chunk = std::max<int64_t>(64, kLogits / std::max<int64_t>(vocabulary, 1));
    std::vector<double> losses(counted.size());
    for (int64_t first = 0; first < count; first += chunk) {
        const int64_t rows = std::min(chunk, count - first);
        Tensor picked = at::empty({rows, d}, hidden.options());
        const size_t bytes = d * hidden.element_size();
        for (int64_t i = 0; i < rows; i++) std::memcpy(pointer(picked, i * d), pointer(all, counted[first + i] * all.stride(0)), bytes);
        Tensor logits = matmul(picked, head.t(), at::kFloat);
        const bool gradient = want_hidden || want_weight;
        at::parallel_for(0, rows, 1, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++)
                losses[first + i] = kernels.cross_entropy(vocabulary, static_cast<float*>(pointer(logits, i * vocabulary)), label[counted[first + i]], gradient);
        });
        if (!gradient) continue;
        if (type == kBfloat16 && bfloat16_hardware()) logits = logits.to(at::kBFloat16);
        if (want_hidden) {
            const Tensor grad = matmul(logits, head, hidden.scalar_type());
            for (int64_t i = 0; i < rows; i++) std::memcpy(pointer(loss.grad_hidden, counted[first + i] * d), pointer(grad, i * d), bytes);
        }
        if (want_weight) {
            if (logits.scalar_type() == at::kFloat)
                gemm(Gemm{vocabulary, d, rows, logits.data_ptr(), kFloat, 1, vocabulary, picked.data_ptr(), type, d, 1, loss.grad_weight.data_ptr(),
                          kFloat, d, nullptr, true});
            else
                loss.grad_weight.add_(matmul(logits.t(), picked, at::kFloat));
        }
    }
    double total = 0;
    for (double l : losses) total += l;
    loss.sum = at::scalar_tensor(total, options);
    if (want_weight && weight.scalar_type() != at::kFloat) loss.grad_weight = loss.grad_weight.to(weight.scalar_type());
    return loss;
}

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
    static variable_list forward(AutogradContext* context, const Tensor& hidden, const Tensor& weight, const Tensor& targets, int64_t ignore_index,
                                 bool want_hidden, bool want_weight) {
        at::AutoDispatchBelowADInplaceOrView guard;
        const Loss loss = compute(hidden, weight, targets, ignore_index, want_hidden, want_weight);
        context->save_for_backward({loss.grad_hidden, loss.grad_weight});
        context->mark_non_differentiable({loss.count});
        return {loss.sum, loss.count};
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        variable_list result(6);
        if (!grads[0].defined()) return result;
        const variable_list saved = context->get_saved_variables();
        // The saved gradients are nobody else's: where no second backward comes, they are scaled where they lie.
        const bool last = !torch::autograd::get_current_graph_task_keep_graph();
        for (int i = 0; i < 2; i++) {
            if (!saved[i].defined()) continue;
            const Tensor factor = grads[0].to(saved[i].scalar_type());
            result[i] = last && !at::GradMode::is_enabled() ? saved[i].mul_(factor) : saved[i] * factor;
        }
        return result;
    }
};

std::tuple<Tensor, Tensor> linear_cross_entropy(const Tensor& hidden, const Tensor& weight, const Tensor& targets, int64_t ignore_index) {
    const Loss loss = compute(hidden, weight, targets, ignore_index, false, false);
    return {loss.sum, loss.count};
}
std::tuple<Tensor, Tensor> linear_cross_entropy_autograd(const Tensor& hidden, const Tensor& weight, const Tensor& targets, int64_t ignore_index) {
    const variable_list results = LinearCrossEntropy::apply(hidden, weight, targets, ignore_index, needs_grad({hidden}), needs_grad({weight}));
    return {results[0], results[1]};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) {
    m.def("linear_cross_entropy(Tensor hidden, Tensor weight, Tensor targets, int ignore_index) -> (Tensor loss_sum, Tensor count)");
}
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) { m.impl("linear_cross_entropy", linear_cross_entropy); }
TORCH_LIBRARY_IMPL(nanovlm, Autograd, m) { m.impl("linear_cross_entropy", linear_cross_entropy_autograd); }

}  // namespace nanovlm
