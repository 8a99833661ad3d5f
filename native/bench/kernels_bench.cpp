// Checks every nanovlm::* operator against libtorch's own operators in float64 (values and gradients, random
// odd shapes, float32 and bfloat16) and prints its time beside libtorch's in the same dtype.
// Built with -DNANOVLM_BENCH=ON. Usage: kernels_bench [check|time] [threads]
#include <torch/torch.h>

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

using at::Tensor;
using Function = std::function<Tensor(const std::vector<Tensor>&)>;

static int failures = 0, checks = 0;

// Through the boxed interface, as the managed binding calls it.
template <class... Arguments>
static std::vector<c10::IValue> call(const char* name, Arguments... arguments) {
    std::vector<c10::IValue> stack{c10::IValue(arguments)...};
    c10::Dispatcher::singleton().findSchemaOrThrow((std::string("nanovlm::") + name).c_str(), "").callBoxed(&stack);
    return stack;
}

static void expect_close(const std::string& name, const Tensor& found, const Tensor& expected, double tolerance) {
    checks++;
    if (found.sizes() != expected.sizes()) {
        failures++;
        std::printf("FAILED %s: wrong shape\n", name.c_str());
        return;
    }
    if (expected.numel() == 0) return;
    const Tensor e = expected.to(at::kDouble), f = found.to(at::kDouble);
    const double error = (f - e).abs().max().item<double>() / std::max(e.abs().max().item<double>(), 1e-2);  // a gradient can be nothing but rounding
    if (error <= tolerance) return;
    failures++;
    std::printf("FAILED %s: relative error %.2e, allowed %.0e\n", name.c_str(), error, tolerance);
}

// Values and gradients of `ours` on the inputs against `reference` on the same inputs in float64.
static void compare(const std::string& name, const std::vector<Tensor>& inputs, const Function& ours, const Function& reference) {
    std::vector<Tensor> mine, theirs;
    for (const Tensor& t : inputs) {
        mine.push_back(t.detach().clone().requires_grad_());
        theirs.push_back(t.detach().to(at::kDouble).requires_grad_());
    }
    const Tensor found = ours(mine), expected = reference(theirs);
    const bool narrow = found.scalar_type() == at::kBFloat16 || inputs[0].scalar_type() == at::kBFloat16;
    const double tolerance = narrow ? 2e-2 : 1e-5;
    const std::string label = name + (narrow ? " bf16" : " fp32");
    expect_close(label, found, expected, tolerance);
    const Tensor cotangent = at::randn_like(found);
    found.backward(cotangent);
    expected.backward(cotangent.to(at::kDouble));
    for (size_t i = 0; i < inputs.size(); i++) expect_close(label + " gradient " + std::to_string(i), mine[i].grad(), theirs[i].grad(), tolerance);
}

static double milliseconds(const std::function<void()>& body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// Forward and backward, the two alternating; the least of each.
static void time_both(const char* name, const std::vector<Tensor>& inputs, const Function& ours, const Function& theirs) {
    const auto run = [&](const Function& f) {
        return milliseconds([&] {
            std::vector<Tensor> leaves;
            for (const Tensor& t : inputs) leaves.push_back(t.detach().requires_grad_());
            const Tensor y = f(leaves);
            y.backward(at::ones_like(y));
        });
    };
    double best[2] = {1e9, 1e9}, warm = 0;
    for (int i = 0; i < 12 && (i < 3 || warm < 2000); i++) {
        best[0] = std::min(best[0], run(ours));
        const double other = run(theirs);
        best[1] = std::min(best[1], other);
        warm += other;
    }
    std::printf("%-34s %s  nanovlm %8.2f ms  libtorch %8.2f ms  %5.1fx\n", name, inputs[0].scalar_type() == at::kFloat ? "fp32" : "bf16", best[0],
                best[1], best[1] / best[0]);
}

static Tensor rms(const Tensor& x, const Tensor& weight) { return x * at::rsqrt(x.square().mean(-1, true) + 1e-5) * weight; }

static Tensor rotate(const Tensor& x, const Tensor& cos, const Tensor& sin) {  // x [B, T, H, D], cos [T, D]
    const std::vector<Tensor> halves = x.chunk(2, -1);
    return x * cos.unsqueeze(1) + at::cat({-halves[1], halves[0]}, -1) * sin.unsqueeze(1);
}

struct Masks {
    Tensor keys, documents;
    bool causal;
    int64_t window;
};

static Tensor attend(const std::vector<Tensor>& x, const Masks& m) {
    const int64_t tokens = x[0].size(1), keys = x[1].size(1), group = x[0].size(2) / x[1].size(2);
    const Tensor q = x[0].transpose(1, 2), k = x[1].transpose(1, 2).repeat_interleave(group, 1), v = x[2].transpose(1, 2).repeat_interleave(group, 1);
    const Tensor i = at::arange(keys - tokens, keys).unsqueeze(1), j = at::arange(keys).unsqueeze(0);
    Tensor seen = at::ones({x[0].size(0), 1, tokens, keys}, at::kBool);
    if (m.causal) seen = seen & (j <= i);
    if (m.window > 0) seen = seen & (j > i - m.window);
    if (m.keys.defined()) seen = seen & m.keys.unsqueeze(1).unsqueeze(2);
    if (m.documents.defined()) {
        const Tensor own = m.documents.slice(1, keys - tokens).unsqueeze(1).unsqueeze(3), of = m.documents.unsqueeze(1).unsqueeze(2);
        seen = seen & ((own == of) | (of == 0));
    }
    const Tensor scores = (at::matmul(q, k.transpose(2, 3)) * 0.3).masked_fill(~seen, -1e30);
    return at::matmul(at::softmax(scores, -1) * seen, v).transpose(1, 2);
}

static Function attention(const Masks& m) {
    const auto optional = [](const Tensor& t) { return t.defined() ? c10::IValue(t) : c10::IValue(); };
    return [=](const std::vector<Tensor>& x) {
        return call("attention", x[0], x[1], x[2], optional(m.keys), optional(m.documents), c10::IValue(), c10::IValue(), m.causal, m.window, 0.3)[0].toTensor();
    };
}

static void check(at::ScalarType dtype) {
    const auto random = [&](std::vector<int64_t> sizes) { return at::randn(sizes).to(dtype); };
    for (const auto& [rows, in, out] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{{4096, 128, 384}, {7, 13, 5}, {1, 1, 1}, {0, 4, 5}, {100, 513, 70}, {33, 700, 31}, {258, 64, 6}}) {
        const std::string name = "linear " + std::to_string(rows) + " " + std::to_string(in) + " " + std::to_string(out);
        const auto ours = [](const std::vector<Tensor>& x) { return call("linear", x[0], x[1], x.size() > 2 ? c10::IValue(x[2]) : c10::IValue())[0].toTensor(); };
        const auto theirs = [](const std::vector<Tensor>& x) { return at::linear(x[0], x[1], x.size() > 2 ? x[2] : Tensor()); };
        const Tensor weight = at::randn({out, in}) / std::sqrt(double(in));  // float32 masters
        compare(name, {random({rows, in}), weight, at::randn({out})}, ours, theirs);
        compare(name + " strided", {random({in + 3, rows}), weight.to(dtype)},
                [&](const std::vector<Tensor>& x) { return ours({x[0].slice(0, 3).t(), x[1]}); },
                [&](const std::vector<Tensor>& x) { return theirs({x[0].slice(0, 3).t(), x[1]}); });
    }
    for (const int64_t d : {128, 7, 33, 8})
        for (const int64_t rows : {1, 100, 4097, 0}) {
            const std::string name = std::to_string(rows) + "x" + std::to_string(d);
            compare("rms_norm " + name, {random({rows, d}), at::randn({d})},
                    [](const std::vector<Tensor>& x) { return call("rms_norm", x[0], x[1], 1e-5, false)[0].toTensor(); },
                    [](const std::vector<Tensor>& x) { return rms(x[0], x[1]); });
            compare("rms_norm 1 + w " + name, {random({rows, d}), at::randn({d})},
                    [](const std::vector<Tensor>& x) { return call("rms_norm", x[0], x[1], 1e-5, true)[0].toTensor(); },
                    [](const std::vector<Tensor>& x) { return rms(x[0], x[1] + 1); });
            compare("layer_norm " + name, {random({rows, d}), at::randn({d}), at::randn({d})},
                    [](const std::vector<Tensor>& x) { return call("layer_norm", x[0], x[1], x[2], 1e-5)[0].toTensor(); },
                    [](const std::vector<Tensor>& x) { return at::layer_norm(x[0], {x[0].size(-1)}, x[1], x[2], 1e-5); });
        }
    for (const int64_t n : {0, 1, 9, 40000}) {
        compare("gelu_tanh " + std::to_string(n), {random({n}) * 4}, [](const std::vector<Tensor>& x) { return call("gelu_tanh", x[0])[0].toTensor(); },
                [](const std::vector<Tensor>& x) { return at::gelu(x[0], "tanh"); });
        compare("swiglu " + std::to_string(n), {random({n}) * 4, random({n})},
                [](const std::vector<Tensor>& x) { return call("swiglu", x[0], x[1])[0].toTensor(); },
                [](const std::vector<Tensor>& x) { return at::silu(x[0]) * x[1]; });
    }
    for (const int64_t d : {2, 10, 32}) {
        const Tensor cos = at::randn({7, d}), sin = at::randn({7, d});
        const auto reference = [&](const std::vector<Tensor>& x) { return rotate(x[0], cos.to(at::kDouble), sin.to(at::kDouble)); };
        compare("rotary [B, T, H, D]", {random({2, 7, 3, d})}, [&](const std::vector<Tensor>& x) { return call("rotary", x[0], cos, sin, 2)[0].toTensor(); }, reference);
        compare("rotary [B, H, T, D]", {random({2, 7, 3, d})},
                [&](const std::vector<Tensor>& x) { return call("rotary", x[0].transpose(1, 2), cos.unsqueeze(0), sin.unsqueeze(0), 1)[0].toTensor().transpose(1, 2); }, reference);
    }
    for (const auto& s : std::vector<std::vector<int64_t>>{{2, 64, 64, 4, 4, 32}, {2, 48, 48, 4, 2, 32}, {1, 1, 1, 1, 1, 1}, {3, 5, 9, 6, 2, 7}, {2, 150, 150, 3, 1, 16}, {1, 1, 300, 4, 2, 64}})
        for (int variant = 0; variant < 24; variant++) {
            Masks masks{{}, {}, (variant & 1) != 0, (variant & 2) ? 5 : 0};
            if (variant & 4) masks.keys = at::rand({s[0], s[2]}) > 0.4;
            if (variant & 24)  // the first shared, or all apart
                masks.documents = (at::arange(s[2]) / 17 + (variant & 16 ? 1 : 0)).to(at::kLong).unsqueeze(0).expand({s[0], s[2]});
            compare("attention " + std::to_string(s[1]) + "x" + std::to_string(s[2]) + " variant " + std::to_string(variant),
                    {random({s[0], s[1], s[3], s[5]}), random({s[0], s[2], s[4], s[5]}), random({s[0], s[2], s[4], s[5]})}, attention(masks),
                    [&](const std::vector<Tensor>& x) { return attend(x, masks); });
        }
    for (const auto& [rows, d, vocabulary] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{{100, 16, 50}, {1, 1, 1}, {3000, 32, 1500}, {768, 128, 600}}) {
        const Tensor targets = at::randint(vocabulary, {rows}, at::kLong).masked_fill(at::rand({rows}) < 0.3, -100);
        compare("linear_cross_entropy " + std::to_string(rows), {random({rows, d}), at::randn({vocabulary, d})},
                [&](const std::vector<Tensor>& x) { return call("linear_cross_entropy", x[0], x[1], targets, -100)[0].toTensor(); },
                [&](const std::vector<Tensor>& x) { return at::cross_entropy_loss(at::linear(x[0], x[1]), targets, {}, at::Reduction::Sum, -100); });
    }
    const Tensor ids = at::randint(50, {7, 30}, at::kLong);
    compare("embedding", {at::randn({50, 33})}, [&](const std::vector<Tensor>& x) { return call("embedding", x[0], ids, dtype)[0].toTensor(); },
            [&](const std::vector<Tensor>& x) { return at::embedding(x[0], ids); });
}

static void check_optimizer() {
    std::vector<Tensor> theirs, ours, averages, squares;
    for (const auto& sizes : std::vector<std::vector<int64_t>>{{3, 5}, {1}, {100, 200}, {20000}, {0}}) {
        theirs.push_back(at::randn(sizes).requires_grad_());
        ours.push_back(theirs.back().detach().clone());
        averages.push_back(at::zeros(sizes));
        squares.push_back(at::zeros(sizes));
    }
    torch::optim::AdamW optimizer(theirs, torch::optim::AdamWOptions(1e-2).betas(std::make_tuple(0.9, 0.95)).weight_decay(0.1));
    for (int64_t step = 1; step <= 5; step++) {
        std::vector<Tensor> gradients;
        double total = 0;
        for (Tensor& p : theirs) {
            gradients.push_back(at::randn(p.sizes()));
            p.mutable_grad() = gradients.back() * 0.5;
            total += gradients.back().to(at::kDouble).square().sum().item<double>();
        }
        optimizer.step();
        call("adamw_", ours, gradients, averages, squares, 1e-2, 0.9, 0.95, 1e-8, 0.1, step, 0.5);
        expect_close("grad_norm", call("grad_norm", gradients)[0].toTensor(), at::scalar_tensor(std::sqrt(total), at::kDouble), 1e-7);
    }
    for (size_t i = 0; i < ours.size(); i++) expect_close("adamw_", ours[i], theirs[i].detach(), 1e-6);
}

static void time_all(at::ScalarType dtype) {
    const auto random = [&](std::vector<int64_t> sizes) { return at::randn(sizes).to(dtype); };
    for (const auto& [rows, in, out] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{{4096, 128, 384}, {4096, 128, 512}, {4096, 512, 128}, {3072, 128, 64}})
        time_both(("linear " + std::to_string(rows) + " x " + std::to_string(in) + " -> " + std::to_string(out)).c_str(),
                  {random({rows, in}), random({out, in}), random({out})},
                  [](const std::vector<Tensor>& x) { return call("linear", x[0], x[1], x[2])[0].toTensor(); },
                  [](const std::vector<Tensor>& x) { return at::linear(x[0], x[1], x[2]); });
    time_both("rms_norm 3072 x 128", {random({3072, 128}), random({128})}, [](const std::vector<Tensor>& x) { return call("rms_norm", x[0], x[1], 1e-5, false)[0].toTensor(); },
              [](const std::vector<Tensor>& x) { return rms(x[0], x[1]); });
    time_both("layer_norm 4096 x 128", {random({4096, 128}), random({128}), random({128})},
              [](const std::vector<Tensor>& x) { return call("layer_norm", x[0], x[1], x[2], 1e-5)[0].toTensor(); },
              [](const std::vector<Tensor>& x) { return at::layer_norm(x[0], {128}, x[1], x[2], 1e-5); });
    time_both("gelu_tanh 4096 x 512", {random({4096, 512})}, [](const std::vector<Tensor>& x) { return call("gelu_tanh", x[0])[0].toTensor(); },
              [](const std::vector<Tensor>& x) { return at::gelu(x[0], "tanh"); });
    time_both("swiglu 3072 x 384", {random({3072, 384}), random({3072, 384})}, [](const std::vector<Tensor>& x) { return call("swiglu", x[0], x[1])[0].toTensor(); },
              [](const std::vector<Tensor>& x) { return at::silu(x[0]) * x[1]; });
    const Tensor cos = at::randn({48, 32}), sin = at::randn({48, 32});
    time_both("rotary 64 x 48 x 4 x 32", {random({64, 48, 4, 32})}, [&](const std::vector<Tensor>& x) { return call("rotary", x[0], cos, sin, 2)[0].toTensor(); },
              [&](const std::vector<Tensor>& x) { return rotate(x[0], cos.to(dtype), sin.to(dtype)); });
    const Masks none{{}, {}, false, 0}, text{at::ones({64, 48}, at::kBool), {}, true, 0};
    time_both("attention 64 x 64 x 4 x 32", {random({64, 64, 4, 32}), random({64, 64, 4, 32}), random({64, 64, 4, 32})}, attention(none),
              [&](const std::vector<Tensor>& x) { return attend(x, none); });
    time_both("attention causal 64 x 48 x 4/2 x 32", {random({64, 48, 4, 32}), random({64, 48, 2, 32}), random({64, 48, 2, 32})}, attention(text),
              [&](const std::vector<Tensor>& x) { return attend(x, text); });
    const Tensor targets = at::randint(600, {768}, at::kLong), ids = at::randint(600, {64, 48}, at::kLong);
    time_both("linear_cross_entropy 768 x 128, 600", {random({768, 128}), random({600, 128})},
              [&](const std::vector<Tensor>& x) { return call("linear_cross_entropy", x[0], x[1], targets, -100)[0].toTensor(); },
              [&](const std::vector<Tensor>& x) { return at::cross_entropy_loss(at::linear(x[0], x[1]).to(at::kFloat), targets, {}, at::Reduction::Sum); });
    time_both("embedding 64 x 48 of 600", {random({600, 128})}, [&](const std::vector<Tensor>& x) { return call("embedding", x[0], ids, dtype)[0].toTensor(); },
              [&](const std::vector<Tensor>& x) { return at::embedding(x[0], ids); });
}

int main(int count, char** arguments) {
    const std::string what = count > 1 ? arguments[1] : "";
    at::set_num_threads(count > 2 ? std::atoi(arguments[2]) : 2);
    at::manual_seed(0);
    if (what != "time") {
        check(at::kFloat);
        check(at::kBFloat16);
        check_optimizer();
        std::printf("%d comparisons, %d failed\n", checks, failures);
    }
    if (what != "check") {
        time_all(at::kFloat);
        time_all(at::kBFloat16);
    }
    return failures > 0;
}
