// nanovlm::attention(Tensor q, Tensor k, Tensor v, Tensor? key_mask, Tensor? documents, Tensor? positions, Tensor? spans, bool causal,
//                    int window, float scale) -> Tensor
//   q [B, T, H, D], k and v [B, S, G, D] with H a multiple of G (grouped queries: heads h G / H), one dtype, any strides
//   with contiguous heads (slices of a fused projection are read where they lie). The queries are the last T of the S positions.
//   key_mask [B, S], bool or integer: keys with 0 are not attended to. documents [B, S], integer: a query attends to keys of its
//   own document and of document 0, which all share. causal: query i sees keys up to i + S - T. window > 0: only the last
//   `window` of those, counted in positions [B, S], integer, where given. spans [B, S], integer: keys of the query's own span,
//   0 being none, are seen beyond causal and window too. A query that sees nothing gives zeros and passes no gradient.
//   Documents and spans that lie in one piece cost what their own keys cost, not what the row's do.
//   Result [B, T, H, D], contiguous. Saved: q, k, v, the masks, and log-sums [B, H, T] in float32.
#include "common.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace nanovlm {
namespace {

Tensor unit_heads(const Tensor& t) { return t.stride(3) == 1 || t.size(3) == 1 ? t : t.contiguous(); }

// Where equal values of a row lie: the first and the last of each.
struct Extents {
    struct Extent {
        int64_t first, last;
    };
    std::unordered_map<int64_t, Extent> of;
    bool whole = true;  // every value lies in one piece

    Extents(const int64_t* values, int64_t n) {
        if (!values) return;
        for (int64_t first = 0, last; first < n; first = last + 1) {
            for (last = first; last + 1 < n && values[last + 1] == values[first];) last++;
            const auto found = of.emplace(values[first], Extent{first, last});
            if (!found.second) found.first->second.last = last, whole = whole && values[first] == 0;
        }
    }
};

// Fills [begin, end), the keys that each query of a row may see, and returns whether it sees all of them.
bool fill_ranges(const Rules& rules, int64_t tokens, int64_t keys, int64_t* begin, int64_t* end) {
    const Extents documents(rules.documents, keys), spans(rules.spans, keys);
    const auto common = documents.of.find(0);
    const bool shared = common != documents.of.end() && documents.of.size() > 1, apart = documents.whole && !shared;
    bool placed = true;  // positions count the places, at least within each document
    if (rules.window > 0 && rules.positions)
        for (int64_t j = 1; j < keys && placed; j++)
            placed = rules.positions[j] == rules.positions[j - 1] + 1 || (apart && rules.documents && rules.documents[j] != rules.documents[j - 1]);
    for (int64_t i = 0; i < tokens; i++) {
        const int64_t at = i + keys - tokens;
        int64_t first = rules.window > 0 && placed ? at - rules.window + 1 : 0, last = rules.causal ? at : keys - 1;
        if (rules.spans && rules.spans[at] != 0) {
            const auto& span = spans.of.at(rules.spans[at]);
            first = std::min(first, span.first), last = std::max(last, span.last);
        }
        if (rules.documents) {
            const auto& own = documents.of.at(rules.documents[at]);
            first = std::max(first, shared ? std::min(own.first, common->second.first) : own.first);
            last = std::min(last, shared ? std::max(own.last, common->second.last) : own.last);
        }
        begin[i] = std::max<int64_t>(first, 0);
        end[i] = std::max(begin[i], std::min(last, keys - 1) + 1);
    }
    return apart && spans.whole && placed;
}

struct Inputs {
    Tensor q, k, v, keys, documents, positions, spans;
    std::vector<Rules> rules;         // of each row, or one for all
    std::vector<int64_t> begin, end;  // [rules, T]
    std::vector<bool> exact;          // [rules]

    Inputs(const Tensor& query, const Tensor& key, const Tensor& val, const OptionalTensor& key_mask, const OptionalTensor& document_ids,
           const OptionalTensor& position_ids, const OptionalTensor& span_ids, bool causal, int64_t window) {
        check_float("attention", "q", query);
        TORCH_CHECK(key.scalar_type() == query.scalar_type() && val.scalar_type() == query.scalar_type(), "nanovlm::attention: q ",
                    query.scalar_type(), ", k ", key.scalar_type(), " and v ", val.scalar_type(), " differ");
        TORCH_CHECK(query.dim() == 4 && key.dim() == 4 && key.sizes() == val.sizes() && query.size(0) == key.size(0) &&
                        query.size(3) == key.size(3) && key.size(2) > 0 && query.size(2) % key.size(2) == 0,
                    "nanovlm::attention: q ", query.sizes(), ", k ", key.sizes(), ", v ", val.sizes(),
                    "; expected [B, T, H, D], [B, S, G, D] twice, H a multiple of G");
        q = unit_heads(query), k = unit_heads(key), v = unit_heads(val);
        const auto read = [&](const char* name, const OptionalTensor& given, at::ScalarType type) {
            if (!has(given)) return Tensor();
            TORCH_CHECK(given->dim() == 2 && given->size(0) == k.size(0) && given->size(1) == k.size(1) && !given->is_floating_point(),
                        "nanovlm::attention: ", name, " ", given->sizes(), " ", given->scalar_type(), "; expected integers or bool [B, S] = [",
                        k.size(0), ", ", k.size(1), "]");
            TORCH_CHECK(type == at::kBool || q.size(1) <= k.size(1), "nanovlm::attention: ", name,
                        " need the queries to be the last of the keys; q ", q.sizes(), ", k ", k.sizes());
            return given->to(type).contiguous();
        };
        keys = read("key_mask", key_mask, at::kBool);
        documents = read("documents", document_ids, at::kLong);
        positions = read("positions", position_ids, at::kLong);
        spans = read("spans", span_ids, at::kLong);
        const int64_t rows = documents.defined() || positions.defined() || spans.defined() ? q.size(0) : 1, tokens = q.size(1), key_tokens = k.size(1);
        begin.resize(rows * tokens), end.resize(rows * tokens);
        for (int64_t b = 0; b < rows; b++) {
            const auto row = [&](const Tensor& t) { return t.defined() ? static_cast<const int64_t*>(pointer(t, b * key_tokens)) : nullptr; };
            rules.push_back({row(documents), row(positions), row(spans), causal, window});
            exact.push_back(fill_ranges(rules[b], tokens, key_tokens, begin.data() + b * tokens, end.data() + b * tokens));
        }
    }

    // Of batch b and key-value head g.
    Attention part(int64_t b, int64_t g, double scale, const Tensor& out, const Tensor& log_sum) const {
        const int64_t row = rules.size() > 1 ? b : 0, group = q.size(2) / k.size(2);
        Attention a{};
        a.type = dtype_of(q);
        a.tokens = q.size(1), a.key_tokens = k.size(1), a.dim = q.size(3), a.group = group;
        a.scale = static_cast<float>(scale);
        a.q = pointer(q, b * q.stride(0) + g * group * q.stride(2)), a.q_row = q.stride(1), a.q_head = q.stride(2);
        a.k = pointer(k, b * k.stride(0) + g * k.stride(2)), a.k_row = k.stride(1);
        a.v = pointer(v, b * v.stride(0) + g * v.stride(2)), a.v_row = v.stride(1);
        a.keys = keys.defined() ? static_cast<const uint8_t*>(pointer(keys, b * a.key_tokens)) : nullptr;
        a.begin = begin.data() + row * a.tokens, a.end = end.data() + row * a.tokens;
        a.rules = exact[row] ? nullptr : &rules[row];
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

Tensor attend(const Inputs& in, double scale, const Tensor& log_sum) {
    Tensor out = at::empty(in.q.sizes(), in.q.options());
    in.over_heads([&](int64_t b, int64_t g) {
        const Attention a = in.part(b, g, scale, out, log_sum);
        cpu_kernels().attention_forward(a, scratch(cpu_kernels().attention_scratch(a, false)));
    });
    return out;
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
    static Tensor forward(AutogradContext* context, const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& key_mask,
                          const OptionalTensor& documents, const OptionalTensor& positions, const OptionalTensor& spans, bool causal,
                          int64_t window, double scale) {
        at::AutoDispatchBelowADInplaceOrView guard;
        const Inputs in(q, k, v, key_mask, documents, positions, spans, causal, window);
        const Tensor log_sum = at::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(at::kFloat));
        const Tensor out = attend(in, scale, log_sum);
        context->save_for_backward({q, k, v, in.keys, in.documents, in.positions, in.spans, log_sum});
        context->saved_data["causal"] = causal;
        context->saved_data["window"] = window;
        context->saved_data["scale"] = scale;
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list grads) {
        variable_list result(10);
        if (!grads[0].defined()) return result;
        const variable_list saved = context->get_saved_variables();
        const Inputs in(saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], saved[6], context->saved_data["causal"].toBool(),
                        context->saved_data["window"].toInt());
        const Tensor grad = unit_heads(grads[0].to(in.q.scalar_type()));
        const double scale = context->saved_data["scale"].toDouble();
        const Tensor dq = at::empty(in.q.sizes(), in.q.options()), dk = at::empty(in.k.sizes(), in.k.options()),
                     dv = at::empty(in.v.sizes(), in.v.options());
        if (in.q.numel() == 0) dk.zero_(), dv.zero_();
        in.over_heads([&](int64_t b, int64_t g) {
            Attention a = in.part(b, g, scale, {}, saved[7]);
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

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& key_mask, const OptionalTensor& documents,
                 const OptionalTensor& positions, const OptionalTensor& spans, bool causal, int64_t window, double scale) {
    return attend(Inputs(q, k, v, key_mask, documents, positions, spans, causal, window), scale, {});
}
Tensor attention_autograd(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& key_mask, const OptionalTensor& documents,
                          const OptionalTensor& positions, const OptionalTensor& spans, bool causal, int64_t window, double scale) {
    return AttentionFunction::apply(q, k, v, key_mask, documents, positions, spans, causal, window, scale);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nanovlm, m) {
    m.def(
        "attention(Tensor q, Tensor k, Tensor v, Tensor? key_mask, Tensor? documents, Tensor? positions, Tensor? spans, bool causal, int window, "
        "float scale) -> Tensor");
}
TORCH_LIBRARY_IMPL(nanovlm, CPU, m) { m.impl("attention", attention); }
TORCH_LIBRARY_IMPL(nanovlm, Autograd, m) { m.impl("attention", attention_autograd); }

}  // namespace nanovlm
