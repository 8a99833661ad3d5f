// nanovlm::adamw_(Tensor[] params, Tensor[] grads, Tensor[] exp_avgs, Tensor[] exp_avg_sqs, float lr, float beta1, float beta2,
//                 float eps, float weight_decay, int step, float grad_scale)
//   One AdamW step in place on float32 contiguous tensors, all of them in one parallel loop. step counts from 1; the
//   averages may be bfloat16: they are computed in float32, the step is taken by that, and they are rounded to nearest;
//   gradients (float32 or bfloat16) are multiplied by grad_scale first. torch.optim.AdamW's update: the parameter
//   decays by lr weight_decay, then moves by lr / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + eps).
// nanovlm::grad_norm(Tensor[] grads) -> Tensor
//   The 2-norm of all gradients together, a float64 scalar; sums in fixed blocks, so the same for any number of threads.
#include "common.h"

#include <cmath>

namespace nanovlm {
namespace {

constexpr int64_t kBlock = 16384;

struct Block {
    int64_t tensor, begin, size;
};

std::vector<Block> blocks_of(at::TensorList tensors) {
    std::vector<Block> blocks;
    for (size_t t = 0; t < tensors.size(); t++)
        for (int64_t i = 0; i < tensors[t].numel(); i += kBlock)
            blocks.push_back({static_cast<int64_t>(t), i, std::min(kBlock, tensors[t].numel() - i)});
    return blocks;
}

void adamw(at::TensorList params, at::TensorList grads, at::TensorList averages, at::TensorList squares, double lr, double beta1, double beta2,
           double eps, double weight_decay, int64_t step, double grad_scale) {
    TORCH_CHECK(params.size() == grads.size() && params.size() == averages.size() && params.size() == squares.size(), "nanovlm::adamw_: ",
                params.size(), " parameters, ", grads.size(), " gradients, ", averages.size(), " and ", squares.size(), " averages");
    TORCH_CHECK(step >= 1, "nanovlm::adamw_: step ", step, "; the first is 1");
    std::vector<Tensor> gradients;
    for (size_t i = 0; i < params.size(); i++) {
        const at::ScalarType type = averages[i].scalar_type();
        for (const Tensor* t : {&params[i], &averages[i], &squares[i]})
            TORCH_CHECK(t->device().is_cpu() && t->scalar_type() == (t == &params[i] ? at::kFloat : type) && t->is_contiguous() &&
                            t->sizes() == params[i].sizes() && (type == at::kFloat || type == at::kBFloat16),
                        "nanovlm::adamw_: parameter ", i, " of ", params[i].sizes(),
                        " must be contiguous float32 on the CPU, its averages that or both bfloat16");
        TORCH_CHECK(grads[i].sizes() == params[i].sizes(), "nanovlm::adamw_: parameter ", i, " is ", params[i].sizes(), ", its gradient ",
                    grads[i].sizes());
        gradients.push_back(as_float(grads[i]));
    }
    const AdamW options{static_cast<float>(lr), static_cast<float>(beta1), static_cast<float>(beta2), static_cast<float>(eps),
                        static_cast<float>(weight_decay), static_cast<float>(1 - std::pow(beta1, double(step))),
                        static_cast<float>(std::sqrt(1 - std::pow(beta2, double(step)))), static_cast<float>(grad_scale)};
    const std::vector<Block> blocks = blocks_of(params);
    at::parallel_for(0, static_cast<int64_t>(blocks.size()), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const Block& b = blocks[i];
            const auto floats_at = [&](const Tensor& t) { return static_cast<float*>(pointer(t, b.begin)); };
            cpu_kernels().adamw[dtype_of(averages[b.tensor])](b.size, floats_at(params[b.tensor]), floats_at(gradients[b.tensor]),
                                                              pointer(averages[b.tensor], b.begin), pointer(squares[b.tensor], b.begin), options);
        }
    });
    for (const at::TensorList list : {params, averages, squares})
        for (const Tensor& t : list)
            if (!t.is_inference()) t.unsafeGetTensorImpl()->bump_version();
}

Tensor grad_norm(at::TensorList grads) {
    std::vector<Tensor> gradients;
    for (const Tensor& g : grads) {
        check_float("grad_norm", "a gradient", g);
        gradients.push_back(g.contiguous());
    }
    const std::vector<Block> blocks = blocks_of(gradients);
    std::vector<double> sums(blocks.size());
    at::parallel_for(0, static_cast<int64_t>(blocks.size()), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const Tensor& t = gradients[blocks[i].tensor];
            sums[i] = cpu_kernels().sum_squares[dtype_of(t)](blocks[i].size, pointer(t, blocks[i].begin));
        }
    });
    double total = 0;
    for (double s : sums) total += s;
    return at::scalar_tensor(std::sqrt(total), at::TensorOptions().dtype(at::kDouble));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) {
    m.def("adamw_(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] exp_avgs, Tensor(c!)[] exp_avg_sqs, float lr, float beta1, float beta2, "
          "float eps, float weight_decay, int step, float grad_scale) -> ()");
    m.def("grad_norm(Tensor[] grads) -> Tensor");
}
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) {
    m.impl("adamw_", adamw);
    m.impl("grad_norm", grad_norm);
}

}  // namespace nanovlm
