// Gradients: backward and grad, the thread's modes, and functions whose backward is written on the other side.
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <type_traits>

#include "handles.h"

namespace nanovlm {
namespace {

namespace autograd = torch::autograd;

// A node of the graph whose backward is a callback.
struct CallbackNode : public autograd::Node {
    std::string label;
    nvlm_backward_callback backward = nullptr;
    nvlm_release_callback release = nullptr;
    void *context = nullptr;
    bool materialize = true;
    std::vector<autograd::SavedVariable> saved;
    std::vector<autograd::VariableInfo> output_info;
    bool released = false;

    std::string name() const override { return label; }

    void release_variables() override {
        saved.clear();
        released = true;
    }

    ~CallbackNode() override {
        if (release) release(context);
    }

    autograd::variable_list apply(autograd::variable_list &&gradients) override {
        TORCH_CHECK(!released, label, ": backward a second time; the saved tensors were freed. Use retain_graph: true.");
        std::vector<nvlm_tensor> handles(gradients.size(), nullptr);
        for (size_t i = 0; i < gradients.size(); ++i) {
            if (!gradients[i].defined() && materialize && i < output_info.size()) {
                c10::OptionalDeviceGuard guard;
                gradients[i] = output_info[i].zeros(guard);
            }
            handles[i] = reinterpret_cast<nvlm_tensor>(
                gradients[i].defined() ? gradients[i].unsafeGetTensorImpl() : nullptr);
        }
        std::vector<nvlm_tensor> results(num_outputs(), nullptr);
        char *message = backward(context, reinterpret_cast<nvlm_node>(this), handles.data(),
                                 static_cast<int32_t>(handles.size()), results.data(),
                                 static_cast<int32_t>(results.size()));
        autograd::variable_list output;
        output.reserve(results.size());
        for (auto handle : results) {
            output.push_back(to_tensor(handle));
            nvlm_tensor_release(handle);
        }
        if (message) {
            std::string text = message;
            std::free(message);
            TORCH_CHECK(false, text);
        }
        return output;
    }
};

// libtorch 2.0 gave _wrap_outputs a set of saved tensors, later versions a function for views and then a flag: the
// function's own type says which of them this libtorch wants.
template <typename Wrap, typename Outputs, typename Node>
auto call_wrap_outputs(Wrap wrap, const autograd::variable_list &inputs,
                       const std::unordered_set<at::TensorImpl *> &non_differentiable,
                       const std::unordered_set<at::TensorImpl *> &dirty, const Outputs &raw, const Node &node) {
    using Impls = std::unordered_set<at::TensorImpl *>;
    autograd::_jvp_fn_t no_jvp = [](autograd::variable_list, autograd::variable_list) -> autograd::variable_list {
        TORCH_CHECK(false, "forward-mode gradients of a custom function are not supported");
    };
    auto view_as_self = [](at::Tensor x) { return x.view_as(x); };
    using View = std::function<at::Tensor(at::Tensor)>;
    if constexpr (std::is_invocable_v<Wrap, decltype(inputs), const Impls &, const Impls &, const Outputs &,
                                      const Node &, autograd::_jvp_fn_t, const Impls &, View, bool>)
        return wrap(inputs, non_differentiable, dirty, raw, node, no_jvp, Impls(), View(view_as_self), false);
    else if constexpr (std::is_invocable_v<Wrap, decltype(inputs), const Impls &, const Impls &, const Outputs &,
                                           const Node &, autograd::_jvp_fn_t, const Impls &, View>)
        return wrap(inputs, non_differentiable, dirty, raw, node, no_jvp, Impls(), View(view_as_self));
    else if constexpr (std::is_invocable_v<Wrap, decltype(inputs), const Impls &, const Impls &, const Outputs &,
                                           const Node &, autograd::_jvp_fn_t, const Impls &>)
        return wrap(inputs, non_differentiable, dirty, raw, node, no_jvp, Impls());
    else
        return wrap(inputs, non_differentiable, dirty, raw, node, no_jvp);
}

autograd::variable_list wrap_outputs(const autograd::variable_list &inputs,
                                     const std::unordered_set<at::TensorImpl *> &non_differentiable,
                                     const std::unordered_set<at::TensorImpl *> &dirty,
                                     const std::vector<c10::optional<at::Tensor>> &raw,
                                     const std::shared_ptr<autograd::Node> &node) {
    auto wrapped = call_wrap_outputs(&autograd::_wrap_outputs, inputs, non_differentiable, dirty, raw, node);
    autograd::variable_list outputs;
    for (auto &output : wrapped) outputs.push_back(output.has_value() ? *output : at::Tensor());
    return outputs;
}

// What a gradient hook holds: the leaf's accumulator lives only as long as somebody holds it.
struct GradientHook {
    std::shared_ptr<autograd::Node> accumulator;
    uintptr_t key;
};

struct AfterAccumulation : public autograd::FunctionPostHook {
    nvlm_gradient_callback callback;
    void *context;

    AfterAccumulation(nvlm_gradient_callback callback, void *context) : callback(callback), context(context) {}

    autograd::variable_list operator()(const autograd::variable_list &outputs,
                                       const autograd::variable_list &inputs) override {
        if (char *message = callback(context)) {
            std::string text = message;
            std::free(message);
            TORCH_CHECK(false, text);
        }
        return outputs;
    }
};

}  // namespace
}  // namespace nanovlm

using namespace nanovlm;

int nvlm_gradient_hook(nvlm_tensor leaf, nvlm_gradient_callback callback, void *context, nvlm_hook *result) {
    return guarded([&] {
        auto tensor = to_tensor(leaf);
        TORCH_CHECK(tensor.is_leaf() && tensor.requires_grad(), "only a leaf that requires a gradient accumulates one");
        auto accumulator = torch::autograd::impl::grad_accumulator(tensor);
        auto key = accumulator->add_post_hook(std::make_unique<AfterAccumulation>(callback, context));
        *result = reinterpret_cast<nvlm_hook>(new GradientHook{std::move(accumulator), key});
    });
}

void nvlm_gradient_hook_free(nvlm_hook handle) {
    auto *hook = reinterpret_cast<GradientHook *>(handle);
    hook->accumulator->del_post_hook(hook->key);
    delete hook;
}

int32_t nvlm_tensor_requires_grad(nvlm_tensor tensor) { return to_tensor(tensor).requires_grad(); }

int nvlm_tensor_set_requires_grad(nvlm_tensor tensor, int32_t value) {
    return guarded([&] { to_tensor(tensor).set_requires_grad(value != 0); });
}

int32_t nvlm_tensor_is_leaf(nvlm_tensor tensor) { return to_tensor(tensor).is_leaf(); }

int nvlm_tensor_grad(nvlm_tensor tensor, nvlm_tensor *grad) {
    return guarded([&] { *grad = to_handle(to_tensor(tensor).grad()); });
}

int nvlm_tensor_set_grad(nvlm_tensor tensor, nvlm_tensor grad) {
    return guarded([&] {
        auto value = to_tensor(grad);
        auto target = to_tensor(tensor);
        TORCH_CHECK(!value.defined() || value.sizes() == target.sizes(), "a gradient of shape ", value.sizes(),
                    " does not fit a tensor of shape ", target.sizes());
        target.mutable_grad() = std::move(value);
    });
}

int nvlm_tensor_retain_grad(nvlm_tensor tensor) {
    return guarded([&] { to_tensor(tensor).retain_grad(); });
}

int nvlm_backward(const nvlm_tensor *outputs, int32_t output_count, const nvlm_tensor *gradients,
                  int32_t gradient_count, int32_t retain_graph, int32_t create_graph, const nvlm_tensor *inputs,
                  int32_t input_count) {
    return guarded([&] {
        torch::autograd::backward(to_tensors(outputs, output_count), to_tensors(gradients, gradient_count),
                                  retain_graph != 0, create_graph != 0, to_tensors(inputs, input_count));
    });
}

int nvlm_grad(const nvlm_tensor *outputs, int32_t output_count, const nvlm_tensor *inputs, int32_t input_count,
              const nvlm_tensor *gradients, int32_t gradient_count, int32_t retain_graph, int32_t create_graph,
              int32_t allow_unused, nvlm_tensor *results) {
    return guarded([&] {
        auto grads = torch::autograd::grad(to_tensors(outputs, output_count), to_tensors(inputs, input_count),
                                           to_tensors(gradients, gradient_count), retain_graph != 0,
                                           create_graph != 0, allow_unused != 0);
        for (size_t i = 0; i < grads.size(); ++i) results[i] = to_handle(std::move(grads[i]));
    });
}

int32_t nvlm_grad_mode(void) { return at::GradMode::is_enabled(); }
void nvlm_set_grad_mode(int32_t enabled) { at::GradMode::set_enabled(enabled != 0); }
int32_t nvlm_inference_mode(void) { return c10::InferenceMode::is_enabled(); }

nvlm_inference_guard nvlm_inference_guard_new(int32_t enabled) {
    return reinterpret_cast<nvlm_inference_guard>(new c10::InferenceMode(enabled != 0));
}

void nvlm_inference_guard_free(nvlm_inference_guard guard) { delete reinterpret_cast<c10::InferenceMode *>(guard); }

int32_t nvlm_anomaly_mode(void) { return torch::autograd::AnomalyMode::is_enabled(); }

void nvlm_set_anomaly_mode(int32_t enabled, int32_t check_nan) {
    torch::autograd::AnomalyMode::set_enabled(enabled != 0, check_nan != 0);
}

int nvlm_custom_function(const char *name, const nvlm_tensor *inputs, int32_t input_count, nvlm_tensor *outputs,
                         const uint8_t *flags, int32_t output_count, const nvlm_tensor *dirty, int32_t dirty_count,
                         const nvlm_tensor *saved, int32_t saved_count, int32_t materialize_grads,
                         nvlm_backward_callback backward, nvlm_release_callback release, void *context) {
    return guarded([&] {
        // From here on the node owns the context, also when something below throws.
        auto node = std::shared_ptr<CallbackNode>(new CallbackNode(), torch::autograd::deleteNode);
        node->release = release;
        node->context = context;
        node->backward = backward;
        node->label = name;
        node->materialize = materialize_grads != 0;

        const auto input_list = to_tensors(inputs, input_count);
        const bool tracked = at::GradMode::is_enabled() && torch::autograd::any_variable_requires_grad(input_list);
        std::vector<c10::optional<at::Tensor>> raw;
        std::unordered_set<at::TensorImpl *> non_differentiable, dirty_set;
        for (int32_t i = 0; i < output_count; ++i) {
            raw.emplace_back(to_tensor(outputs[i]));
            if (flags[i]) non_differentiable.insert(impl(outputs[i]));
        }
        for (int32_t i = 0; i < dirty_count; ++i) dirty_set.insert(impl(dirty[i]));

        if (tracked) node->set_next_edges(torch::autograd::collect_next_edges(input_list));
        auto wrapped =
            wrap_outputs(input_list, non_differentiable, dirty_set, raw, tracked ? node : nullptr);
        if (tracked) {
            for (const auto &output : wrapped) node->output_info.emplace_back(output);
            for (const auto &tensor : to_tensors(saved, saved_count)) {
                // An output that is saved must not own its own node.
                at::Tensor to_save = tensor;
                bool is_output = false;
                for (int32_t i = 0; i < output_count; ++i)
                    if (tensor.defined() && tensor.unsafeGetTensorImpl() == impl(outputs[i])) {
                        to_save = wrapped[static_cast<size_t>(i)];
                        is_output = to_save.grad_fn() == node;
                    }
                node->saved.emplace_back(to_save, is_output);
            }
        }
        for (int32_t i = 0; i < output_count; ++i) outputs[i] = to_handle(std::move(wrapped[static_cast<size_t>(i)]));
    });
}

int32_t nvlm_node_saved_count(nvlm_node node) {
    return static_cast<int32_t>(reinterpret_cast<CallbackNode *>(node)->saved.size());
}

int nvlm_node_saved(nvlm_node handle, nvlm_tensor *results) {
    return guarded([&] {
        auto *node = reinterpret_cast<CallbackNode *>(handle);
        auto self = node->shared_from_this();
        // All or none: unpacking fails for a tensor that was changed in place since.
        autograd::variable_list tensors;
        for (auto &saved : node->saved) tensors.push_back(saved.unpack(self));
        for (size_t i = 0; i < tensors.size(); ++i) results[i] = to_handle(std::move(tensors[i]));
    });
}
