// nanovlm::attention(Tensor q, Tensor k, Tensor v, Tensor? key_mask, Tensor? documents, bool causal, int window, float scale) -> Tensor
//   q [B, T, H, D], k and v [B, S, G, D] with H a multiple of G (grouped queries: heads h G / H), one dtype, any strides
//   with contiguous heads (slices of a fused projection are read where they lie).
//   key_mask [B, S], bool or integer: keys with 0 are not attended to. documents [B, S], integer: a query (the last T of
//   the S positions) attends to keys of its own document and of document 0, which all share. causal: query i sees keys up to i + S - T. window > 0:
//   only the last `window` of those positions. A query that sees nothing gives zeros and passes no gradient.
//   Result [B, T, H, D], contiguous. Saved: q, k, v, the masks, and log-sums [B, H, T] in float32.
#include "common.h"

namespace nanovlm {
namespace {

Tensor unit_heads(const Tensor& t) { return t.stride(3) == 1 || t.size(3) == 1 ? t : t.contiguous(); }

struct Inputs {
    Tensor q, k, v, keys, documents;

    Inputs(const Tensor& query, const Tensor& key, const Tensor& val, const OptionalTensor& key_mask, const OptionalTensor& document_ids) {
        check_float("attention", "q", query);
        TORCH_CHECK(key.scalar_type() == query.scalar_type() && val.scalar_type() == query.scalar_type(), "nanovlm::attention: q ",
                    query.scalar_type(), ", k ", key.scalar_type(), " and v ", val.scalar_type(), " differ");
        TORCH_CHECK(query.dim() == 4 && key.dim() == 4 && key.sizes() == val.sizes() && query.size(0) == key.size(0) &&
                        query.size(3) == key.size(3) && key.size(2) > 0 && query.size(2) % key.size(2) == 0,
                    "nanovlm::attention: q ", query.sizes(), ", k ", key.sizes(), ", v ", val.sizes(),
                    "; expected [B, T, H, D], [B, S, G, D] twice, H a multiple of G");
        q = unit_heads(query), k = unit_heads(key), v = unit_heads(val);
        const auto check_mask = [&](const char* name, const Tensor& mask) {
            TORCH_CHECK(mask.dim() == 2 && mask.size(0) == k.size(0) && mask.size(1) == k.size(1) && !mask.is_floating_point(),
                        "nanovlm::attention: ", name, " ", mask.sizes(), " ", mask.scalar_type(), "; expected integers or bool [B, S] = [", k.size(0),
                        ", ", k.size(1), "]");
        };
        if (has(key_mask)) check_mask("key_mask", *key_mask), keys = key_mask->to(at::kBool).contiguous();
        if (has(document_ids)) {
            check_mask("documents", *document_ids), documents = document_ids->to(at::kLong).contiguous();
            TORCH_CHECK(q.size(1) <= k.size(1), "nanovlm::attention: documents need the queries to be the last of the keys; q ", q.sizes(), ", k ", k.sizes());
        }
    }

    // Of batch b and key-value head g.
    Attention part(int64_t b, int64_t g, bool causal, int64_t window, double scale, const Tensor& out, const Tensor& log_sum) const {
        const int64_t group = q.size(2) / k.size(2);
        Attention a{};
        a.type = dtype_of(q);
        a.tokens = q.size(1), a.key_tokens = k.size(1), a.dim = q.size(3), a.group = group, a.window = window;
        a.causal = causal;
        a.scale = static_cast<float>(scale);
        a.q = pointer(q, b * q.stride(0) + g * group * q.stride(2)), a.q_row = q.stride(1), a.q_head = q.stride(2);
        a.k = pointer(k, b * k.stride(0) + g * k.stride(2)), a.k_row = k.stride(1);
        a.v = pointer(v, b * v.stride(0) + g * v.stride(2)), a.v_row = v.stride(1);
        a.keys = keys.defined() ? static_cast<const uint8_t*>(pointer(keys, b * a.key_tokens)) : nullptr;
        a.documents = documents.defined() ? static_cast<const int64_t*>(pointer(documents, b * a.key_tokens)) : nullptr;
        if (out.defined())
            a.out = pointer(out, b * out.stride(0) + g * group * out.stride(2)), a.out_row = out.stride(1), a.out_head = out.stride(2);
        a.log_sum = log_sum.defined() ? static_cast<float*>(pointer(log_sum, (b * q.size(2) + g * group) * a.tokens)) : nullptr;
        return a;
    }

    template <class Body>
    void over_heads(Body body) const {
        const int64_t groups = k.size(2);
        if (q.numel() == 0) return;
        at::parallel_for(0, q.size(0) * groups, 1, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) body(i / groups, i % groups);
        });
    }
};

Tensor attend(const Inputs& in, bool causal, int64_t window, double scale, const Tensor& log_sum) {
    Tensor out = at::empty(in.q.sizes(), in.q.options());
    in.over_heads([&](int64_t b, int64_t g) {
        const Attention a = in.part(b, g, causal, window, scale, out, log_sum);
        cpu_kernels().attention_forward(a, scratch(cpu_kernels().attention_scratch(a, false)));
    });
    return out;
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
    static Tensor forward(AutogradContext* context, const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& key_mask,
                          const OptionalTensor& documents, bool causal, int64_t window, double scale) {
        at::AutoDispatchBelowADInplaceOrView guard;
        const Inputs in(q, k, v, key_mask, documents);
        const Tensor log_sum = at::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(at::kFloat));
        const Tensor out = attend(in, causal, window, scale, log_sum);
        context->save_for_backward({q, k, v, in.keys, in.documents, log_sum});
        context->saved_data["causal"] = causal;
        context->saved_data["window"] = window;
        context->saved_data["scale"] = scale;
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        variable_list result(8);
        if (!grads[0].defined()) return result;
        const variable_list saved = context->get_saved_variables();
        const OptionalTensor keys = saved[3], documents = saved[4];
        const Inputs in(saved[0], saved[1], saved[2], keys, documents);
        const Tensor grad = unit_heads(grads[0].to(in.q.scalar_type()));
        const bool causal = context->saved_data["causal"].toBool();
        const int64_t window = context->saved_data["window"].toInt();
        const double scale = context->saved_data["scale"].toDouble();
        const Tensor dq = at::empty(in.q.sizes(), in.q.options()), dk = at::empty(in.k.sizes(), in.k.options()),
                     dv = at::empty(in.v.sizes(), in.v.options());
        if (in.q.numel() == 0) dk.zero_(), dv.zero_();
        in.over_heads([&](int64_t b, int64_t g) {
            Attention a = in.part(b, g, causal, window, scale, {}, saved[5]);
            a.grad_out = pointer(grad, b * grad.stride(0) + g * a.group * grad.stride(2));
            a.grad_out_row = grad.stride(1), a.grad_out_head = grad.stride(2);
            a.grad_q = pointer(dq, b * dq.stride(0) + g * a.group * dq.stride(2)), a.grad_q_row = dq.stride(1), a.grad_q_head = dq.stride(2);
            a.grad_k = pointer(dk, b * dk.stride(0) + g * dk.stride(2)), a.grad_k_row = dk.stride(1);
            a.grad_v = pointer(dv, b * dv.stride(0) + g * dv.stride(2)), a.grad_v_row = dv.stride(1);
            cpu_kernels().attention_backward(a, scratch(cpu_kernels().attention_scratch(a, true)));
        });
        result[0] = dq, result[1] = dk, result[2] = dv;
        return result;
    }
};

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& key_mask, const OptionalTensor& documents, bool causal,
                 int64_t window, double scale) {
    return attend(Inputs(q, k, v, key_mask, documents), causal, window, scale, {});
}
Tensor attention_autograd(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& key_mask, const OptionalTensor& documents,
                          bool causal, int64_t window, double scale) {
    return AttentionFunction::apply(q, k, v, key_mask, documents, causal, window, scale);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) {
    m.def("attention(Tensor q, Tensor k, Tensor v, Tensor? key_mask, Tensor? documents, bool causal, int window, float scale) -> Tensor");
}
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) { m.impl("attention", attention); }
TORCH_LIBRARY_IMPL(nanovlm, Autograd, m) { m.impl("attention", attention_autograd); }

}  // namespace nanovlm
