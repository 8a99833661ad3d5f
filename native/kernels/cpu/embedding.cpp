// nanovlm::embedding(Tensor weight, Tensor ids, ScalarType? dtype) -> Tensor
//   weight [V, D], ids [...] int64; result [..., D] in dtype (float32 or bfloat16; the weight's by default).
//   The gradient is dense, in the weight's dtype, each row summed in float32 in the order of the ids. Saved: ids.
#include "common.h"

namespace nanovlm {
namespace {

Tensor gather(const Tensor& weight, const Tensor& ids, at::ScalarType dtype) {
    check_float("embedding", "weight", weight);
    TORCH_CHECK(weight.dim() == 2 && !ids.is_floating_point(), "nanovlm::embedding: weight ", weight.sizes(), " with ids ", ids.scalar_type(),
                "; expected [V, D] and integers");
    TORCH_CHECK(dtype == at::kFloat || dtype == at::kBFloat16, "nanovlm::embedding: dtype ", dtype, "; expected float32 or bfloat16");
    const Tensor index = ids.to(at::kLong).contiguous(), table = as_rows(weight);
    std::vector<int64_t> sizes = ids.sizes().vec();
    const int64_t d = weight.size(1), vocabulary = weight.size(0), count = index.numel();
    sizes.push_back(d);
    Tensor out = at::empty(sizes, weight.options().dtype(dtype));
    const int64_t* id = static_cast<const int64_t*>(index.data_ptr());
    for (int64_t i = 0; i < count; i++)
        TORCH_CHECK(id[i] >= 0 && id[i] < vocabulary, "nanovlm::embedding: id ", id[i], " is outside the vocabulary of ", vocabulary);
    const Kernels& kernels = cpu_kernels();
    const Dtype from = dtype_of(weight), to = dtype_of(out);
    at::parallel_for(0, count, std::max<int64_t>(1, kGrain / std::max<int64_t>(d, 1)), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const void* row = pointer(table, id[i] * table.stride(0));
            if (from == to)
                std::memcpy(pointer(out, i * d), row, d * out.element_size());
            else if (from == kFloat)
                kernels.from_float[to](d, static_cast<const float*>(row), pointer(out, i * d));
            else
                kernels.to_float[from](d, row, static_cast<float*>(pointer(out, i * d)));
        }
    });
    return out;
}

Tensor scatter(const Tensor& grad, const Tensor& ids, int64_t vocabulary) {
    const Tensor index = ids.to(at::kLong).contiguous(), rows = grad.contiguous();
    const int64_t count = index.numel(), d = rows.size(-1);
    const int64_t* id = static_cast<const int64_t*>(index.data_ptr());
    // A counting sort: the positions of each id, in order.
    std::vector<int64_t> start(vocabulary + 1), order(count);
    for (int64_t i = 0; i < count; i++) start[id[i] + 1]++;
    for (int64_t v = 0; v < vocabulary; v++) start[v + 1] += start[v];
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    for (int64_t i = 0; i < count; i++) order[next[id[i]]++] = i;
    Tensor total = at::zeros({vocabulary, d}, grad.options().dtype(at::kFloat));
    const Dtype type = dtype_of(rows);
    at::parallel_for(0, vocabulary, 16, [&](int64_t begin, int64_t end) {
        for (int64_t v = begin; v < end; v++)
            for (int64_t i = start[v]; i < start[v + 1]; i++)
                cpu_kernels().add_to[type](d, pointer(rows, order[i] * d), static_cast<float*>(pointer(total, v * d)));
    });
    return total;
}

struct Embedding : torch::autograd::Function<Embedding> {
    static Tensor forward(AutogradContext* context, const Tensor& weight, const Tensor& ids, int64_t dtype) {
        at::AutoDispatchBelowADInplaceOrView guard;
        context->save_for_backward({ids});
        context->saved_data["vocabulary"] = weight.size(0);
        context->saved_data["dtype"] = static_cast<int64_t>(weight.scalar_type());
        return gather(weight, ids, at::ScalarType(dtype));
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        if (!grads[0].defined()) return {Tensor(), Tensor(), Tensor()};
        const Tensor total = scatter(grads[0], context->get_saved_variables()[0], context->saved_data["vocabulary"].toInt());
        return {total.to(at::ScalarType(context->saved_data["dtype"].toInt())), Tensor(), Tensor()};
    }
};

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 5)
using OptionalType = std::optional<at::ScalarType>;
#else
using OptionalType = c10::optional<at::ScalarType>;
#endif

Tensor embedding(const Tensor& weight, const Tensor& ids, OptionalType dtype) { return gather(weight, ids, dtype ? *dtype : weight.scalar_type()); }
Tensor embedding_autograd(const Tensor& weight, const Tensor& ids, OptionalType dtype) {
    return Embedding::apply(weight, ids, static_cast<int64_t>(dtype ? *dtype : weight.scalar_type()));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) { m.def("embedding(Tensor weight, Tensor ids, ScalarType? dtype) -> Tensor"); }
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) { m.impl("embedding", embedding); }
TORCH_LIBRARY_IMPL(nanovlm, Autograd, m) { m.impl("embedding", embedding_autograd); }

}  // namespace nanovlm
