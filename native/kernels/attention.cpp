// Masked attention over batch rows and key-value heads: which keys each query may see, and the kernels over threads.
#include "common.h"

namespace nanovlm {
namespace {

struct Run {
    int64_t value, first, last;
};

// Where equal values of a row lie: [first[j], last[j]] holds all that equal the one at j.
struct Extents {
    int64_t *first, *last;
    int64_t distinct = 0;
    bool has_zero = false;
    Run zero{};
    bool whole = true;  // every value but 0 lies in one piece

    // runs, first and last [n] are scratch; values may be null.
    Extents(const int64_t* values, int64_t n, Run* runs, int64_t* first, int64_t* last) : first(first), last(last) {
        if (!values) return;
        int64_t count = 0;
        for (int64_t j = 0; j < n; j++) {
            if (j == 0 || values[j] != values[j - 1]) runs[count++] = {values[j], j, j};
            runs[count - 1].last = j;
        }
        std::sort(runs, runs + count,
                  [](const Run& a, const Run& b) { return a.value != b.value ? a.value < b.value : a.first < b.first; });
        for (int64_t i = 0, next; i < count; i = next) {
            for (next = i + 1; next < count && runs[next].value == runs[i].value;) next++;
            const Run all{runs[i].value, runs[i].first, runs[next - 1].last};
            for (int64_t r = i; r < next; r++) {
                std::fill(first + runs[r].first, first + runs[r].last + 1, all.first);
                std::fill(last + runs[r].first, last + runs[r].last + 1, all.last);
            }
            distinct++;
            if (all.value == 0)
                has_zero = true, zero = all;
            else if (next > i + 1)
                whole = false;
        }
    }
};

// The keys that each query of a batch row sees.
struct Ranges {
    Rules rules;
    int64_t *begin, *end;  // [tokens]
    bool exact = false;    // the ranges are all: no rule need be asked

    // Bytes of scratch: begin and end, and the extents of documents and spans.
    static int64_t scratch(const nanovlm_attention& a) {
        const int64_t extents = a.documents || a.spans ? 3 + 2 * ((a.documents != nullptr) + (a.spans != nullptr)) : 0;
        return (2 * a.tokens + extents * a.key_tokens) * 8;
    }

    Ranges(const nanovlm_attention& a, int64_t batch, void* scratch) {
        const int64_t tokens = a.tokens, keys = a.key_tokens;
        const auto row = [&](const int64_t* masks) { return masks ? masks + batch * keys : nullptr; };
        rules = {row(a.documents), row(a.positions), row(a.spans), a.causal != 0, a.window};
        begin = static_cast<int64_t*>(scratch), end = begin + tokens;
        Run* runs = reinterpret_cast<Run*>(end + tokens);
        int64_t *of_documents = end + tokens + 3 * keys, *of_spans = of_documents + (a.documents ? 2 * keys : 0);
        const Extents documents(rules.documents, keys, runs, of_documents, of_documents + keys),
            spans(rules.spans, keys, runs, of_spans, of_spans + keys);

        const bool shared = documents.has_zero && documents.distinct > 1, apart = documents.whole && !shared;
        bool placed = true;  // positions count the places, at least within each document
        if (rules.window > 0 && rules.positions)
            for (int64_t j = 1; j < keys && placed; j++)
                placed = rules.positions[j] == rules.positions[j - 1] + 1 ||
                         (apart && rules.documents && rules.documents[j] != rules.documents[j - 1]);
        for (int64_t i = 0; i < tokens; i++) {
            const int64_t at = i + keys - tokens;
            int64_t first = rules.window > 0 && placed ? at - rules.window + 1 : 0, last = rules.causal ? at : keys - 1;
            if (rules.spans && rules.spans[at] != 0) first = std::min(first, spans.first[at]), last = std::max(last, spans.last[at]);
            if (rules.documents) {
                const int64_t own_first = documents.first[at], own_last = documents.last[at];
                first = std::max(first, shared ? std::min(own_first, documents.zero.first) : own_first);
                last = std::min(last, shared ? std::max(own_last, documents.zero.last) : own_last);
            }
            begin[i] = std::max<int64_t>(first, 0);
            end[i] = std::max(begin[i], std::min(last, keys - 1) + 1);
        }
        exact = apart && spans.whole && placed;
    }
};

// One key-value head without its ranges.
Attention part(const nanovlm_attention& a, int64_t b, int64_t g) {
    const Dtype type = dtype(a.type);
    const int64_t group = a.heads / a.groups, head = g * group;
    Attention p{};
    p.type = type;
    p.tokens = a.tokens, p.key_tokens = a.key_tokens, p.dim = a.dim, p.group = group;
    p.scale = a.scale;
    p.q = at(type, a.q, b, 0, head), p.q_row = a.q.token, p.q_head = a.q.head;
    p.k = at(type, a.k, b, 0, g), p.k_row = a.k.token;
    p.v = at(type, a.v, b, 0, g), p.v_row = a.v.token;
    p.keys = a.key_mask ? a.key_mask + b * a.key_tokens : nullptr;
    p.out = at(type, a.out, b, 0, head), p.out_row = a.out.token, p.out_head = a.out.head;
    p.log_sum = a.log_sum ? a.log_sum + (b * a.heads + head) * a.tokens : nullptr;
    p.grad_out = at(type, a.grad_out, b, 0, head), p.grad_out_row = a.grad_out.token, p.grad_out_head = a.grad_out.head;
    p.grad_q = at(type, a.grad_q, b, 0, head), p.grad_q_row = a.grad_q.token, p.grad_q_head = a.grad_q.head;
    p.grad_k = at(type, a.grad_k, b, 0, g), p.grad_k_row = a.grad_k.token;
    p.grad_v = at(type, a.grad_v, b, 0, g), p.grad_v_row = a.grad_v.token;
    return p;
}

bool empty(const nanovlm_attention& a) { return a.batch == 0 || a.tokens == 0 || a.heads == 0 || a.dim == 0; }

// A slice's scratch: the ranges of the batch row at hand, then the kernel's.
struct Slices {
    int64_t tasks, count, ranges, bytes;

    Slices(const nanovlm_attention& a, bool backward, const Threads* threads)
        : tasks(a.batch * a.groups), count(slices_of(threads, tasks)), ranges((Ranges::scratch(a) + 63) / 64 * 64),
          bytes(ranges + whole_lines(cpu_kernels().attention_scratch(part(a, 0, 0), backward)) * 4) {}
};

void over_heads(const nanovlm_attention& a, bool backward, void* scratch, const Threads* threads) {
    const Slices slices(a, backward, threads);
    const auto kernel = backward ? cpu_kernels().attention_backward : cpu_kernels().attention_forward;
    const bool rows_differ = a.documents || a.positions || a.spans;
    over_slices(threads, slices.tasks, slices.count, [&](int64_t slice, int64_t begin, int64_t end) {
        char* own = static_cast<char*>(scratch) + slice * slices.bytes;
        for (int64_t i = begin; i < end;) {
            const int64_t b = i / a.groups, last = rows_differ ? std::min(end, (b + 1) * a.groups) : end;
            const Ranges ranges(a, b, own);
            for (; i < last; i++) {
                Attention p = part(a, i / a.groups, i % a.groups);
                p.begin = ranges.begin, p.end = ranges.end;
                p.rules = ranges.exact ? nullptr : &ranges.rules;
                kernel(p, reinterpret_cast<float*>(own + slices.ranges));
            }
        }
    });
}

int64_t scratch_of(const nanovlm_attention& a, bool backward, const Threads* threads) {
    if (empty(a)) return 0;
    const Slices slices(a, backward, threads);
    return slices.count * slices.bytes;
}

}  // namespace
}  // namespace nanovlm

using namespace nanovlm;

int64_t nanovlm_attention_forward_scratch(const nanovlm_attention* attention, const nanovlm_threads* threads) {
    return scratch_of(*attention, false, threads);
}

void nanovlm_attention_forward(const nanovlm_attention* attention, void* scratch, const nanovlm_threads* threads) {
    if (!empty(*attention)) over_heads(*attention, false, scratch, threads);
}

int64_t nanovlm_attention_backward_scratch(const nanovlm_attention* attention, const nanovlm_threads* threads) {
    return scratch_of(*attention, true, threads);
}

void nanovlm_attention_backward(const nanovlm_attention* attention, void* scratch, const nanovlm_threads* threads) {
    const nanovlm_attention& a = *attention;
    if (!empty(a)) return over_heads(a, true, scratch, threads);
    for (int64_t b = 0; b < a.batch; b++)  // no query sends anything
        for (int64_t t = 0; t < a.key_tokens; t++)
            for (int64_t g = 0; g < a.groups; g++)
                for (const nanovlm_heads* grad : {&a.grad_k, &a.grad_v})
                    std::memset(at(dtype(a.type), *grad, b, t, g), 0, a.dim * bytes_of(dtype(a.type)));
}
