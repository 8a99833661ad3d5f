// Several processes: a store to meet at, a group of ranks, and collectives over gloo (main memory) and nccl (CUDA).
#include "handles.h"

#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/version.h>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <thread>

namespace nanovlm {
namespace {

using std::chrono::milliseconds;
using Work = c10::intrusive_ptr<c10d::Work>;

// The class that the backends share: ProcessGroup itself until libtorch 2.0 gave it backends.
#if TORCH_VERSION_MAJOR >= 2
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif

struct Store {
    c10::intrusive_ptr<c10d::TCPStore> server;
    c10::intrusive_ptr<c10d::Store> keys;
};

struct Group {
    c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
    c10::intrusive_ptr<Backend> nccl;

    Backend &of(const at::Tensor &tensor) const {
        return tensor.is_cuda() && nccl ? *nccl : static_cast<Backend &>(*gloo);
    }
};

Store &store(nvlm_store handle) { return *reinterpret_cast<Store *>(handle); }
Group &group(nvlm_group handle) { return *reinterpret_cast<Group *>(handle); }
Work &work(nvlm_work handle) { return *reinterpret_cast<Work *>(handle); }
nvlm_work to_handle(Work started) { return reinterpret_cast<nvlm_work>(new Work(std::move(started))); }

// The same memory as an element type that gloo moves: it knows neither bfloat16 nor bool.
at::Tensor movable(nvlm_tensor handle) {
    auto tensor = to_tensor(handle).detach();
    if (tensor.scalar_type() == at::kBFloat16) return tensor.view(at::kHalf);
    return tensor.scalar_type() == at::kBool ? tensor.view(at::kByte) : tensor;
}

c10d::ReduceOp reduction(int32_t operation) {
    return c10d::ReduceOp(static_cast<c10d::ReduceOp::RedOpType>(operation));
}

}  // namespace
}  // namespace nanovlm

using namespace nanovlm;

int32_t nvlm_distributed_has(const char *backend) {
    const std::string name = backend;
#ifdef USE_C10D_NCCL
    if (name == "nccl") return 1;
#endif
    return name == "gloo";
}

int nvlm_store_new(const char *host, int32_t port, int32_t is_server, const char *prefix, int64_t timeout_ms,
                   nvlm_store *result) {
    return guarded([&] {
        c10d::TCPStoreOptions options;
        options.port = static_cast<std::uint16_t>(port);
        options.isServer = is_server != 0;
        options.waitWorkers = false;
        options.timeout = milliseconds(timeout_ms);
        auto tcp = c10::make_intrusive<c10d::TCPStore>(host, options);
        auto keys = c10::make_intrusive<c10d::PrefixStore>(prefix, tcp);
        *result = reinterpret_cast<nvlm_store>(new Store{std::move(tcp), std::move(keys)});
    });
}

void nvlm_store_free(nvlm_store handle) { delete reinterpret_cast<Store *>(handle); }
int32_t nvlm_store_port(nvlm_store handle) { return store(handle).server->getPort(); }

int nvlm_store_set(nvlm_store handle, const char *key, const char *text) {
    return guarded([&] {
        const std::string value = text;
        store(handle).keys->set(key, std::vector<uint8_t>(value.begin(), value.end()));
    });
}

int nvlm_store_get(nvlm_store handle, const char *key, char **text) {
    return guarded([&] {
        *text = nullptr;
        auto &keys = *store(handle).keys;
        if (!keys.check({key})) return;
        const auto value = keys.get(key);
        *text = copy_string(std::string(value.begin(), value.end()));
    });
}

int nvlm_store_add(nvlm_store handle, const char *key, int64_t amount, int64_t *sum) {
    return guarded([&] { *sum = store(handle).keys->add(key, amount); });
}

int nvlm_group_new(nvlm_store handle, int32_t rank, int32_t size, const char *address, int64_t timeout_ms,
                   nvlm_group *result) {
    return guarded([&] {
        using Gloo = c10d::ProcessGroupGloo;
        const auto timeout = milliseconds(timeout_ms);
        auto options = Gloo::Options::create(timeout);
        options->devices.push_back(address ? Gloo::createDeviceForHostname(address) : Gloo::createDefaultDevice());
        auto made = std::make_unique<Group>();
        const auto keys = store(handle).keys;
        made->gloo = c10::make_intrusive<Gloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", keys), rank, size, options);
#ifdef USE_C10D_NCCL
        if (nvlm_cuda_device_count() > 0) {
            auto nccl = c10d::ProcessGroupNCCL::Options::create();
            nccl->timeout = timeout;
            made->nccl = c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", keys), rank, size, nccl);
        }
#endif
        *result = reinterpret_cast<nvlm_group>(made.release());
    });
}

void nvlm_group_free(nvlm_group handle, int32_t abandon) {
    if (!abandon) delete &group(handle);
}

int nvlm_group_all_reduce(nvlm_group handle, nvlm_tensor tensor, int32_t operation, nvlm_work *result) {
    return guarded([&] {
        std::vector<at::Tensor> tensors{to_tensor(tensor).detach()};
        c10d::AllreduceOptions options;
        options.reduceOp = reduction(operation);
        *result = to_handle(group(handle).of(tensors[0]).allreduce(tensors, options));
    });
}

int nvlm_group_broadcast(nvlm_group handle, nvlm_tensor tensor, int32_t root, nvlm_work *result) {
    return guarded([&] {
        std::vector<at::Tensor> tensors{movable(tensor)};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        *result = to_handle(group(handle).of(tensors[0]).broadcast(tensors, options));
    });
}

int nvlm_group_all_gather(nvlm_group handle, const nvlm_tensor *outputs, int32_t count, nvlm_tensor input,
                          nvlm_work *result) {
    return guarded([&] {
        std::vector<std::vector<at::Tensor>> to(1);
        for (int32_t i = 0; i < count; ++i) to[0].push_back(movable(outputs[i]));
        std::vector<at::Tensor> from{movable(input)};
        *result = to_handle(group(handle).of(from[0]).allgather(to, from));
    });
}

int nvlm_group_barrier(nvlm_group handle, nvlm_work *result) {
    return guarded([&] { *result = to_handle(group(handle).gloo->barrier()); });
}

int nvlm_group_monitored_barrier(nvlm_group handle, int64_t timeout_ms) {
    return guarded([&] {
        c10d::BarrierOptions options;
        options.timeout = milliseconds(timeout_ms);
        group(handle).gloo->monitoredBarrier(options, true);
    });
}

int nvlm_work_wait(nvlm_work handle, int64_t timeout_ms, int32_t *completed) {
    return guarded([&] {
        auto &started = *work(handle);
        *completed = 1;
        if (timeout_ms == 0) {
            started.wait();
            return;
        }
        try {
            started.wait(milliseconds(timeout_ms));
        } catch (...) {
            // A work that is not done has run out of this wait's time only.
            if (started.isCompleted()) throw;
            *completed = 0;
        }
    });
}

int32_t nvlm_work_is_completed(nvlm_work handle) { return work(handle)->isCompleted(); }
void nvlm_work_free(nvlm_work handle) { delete &work(handle); }

#else  // no gloo

using namespace nanovlm;

namespace {
int absent() {
    return fail("this build has no process groups: libtorch was built without gloo, or gloo's headers were missing when native/ "
                "was built (Debian: apt-get install libgloo-dev, then remove native/build and build again)");
}
}  // namespace

int32_t nvlm_distributed_has(const char *) { return 0; }
int nvlm_store_new(const char *, int32_t, int32_t, const char *, int64_t, nvlm_store *) { return absent(); }
void nvlm_store_free(nvlm_store) {}
int32_t nvlm_store_port(nvlm_store) { return 0; }
int nvlm_store_set(nvlm_store, const char *, const char *) { return absent(); }
int nvlm_store_get(nvlm_store, const char *, char **) { return absent(); }
int nvlm_store_add(nvlm_store, const char *, int64_t, int64_t *) { return absent(); }
int nvlm_group_new(nvlm_store, int32_t, int32_t, const char *, int64_t, nvlm_group *) { return absent(); }
void nvlm_group_free(nvlm_group, int32_t) {}
int nvlm_group_all_reduce(nvlm_group, nvlm_tensor, int32_t, nvlm_work *) { return absent(); }
int nvlm_group_broadcast(nvlm_group, nvlm_tensor, int32_t, nvlm_work *) { return absent(); }
int nvlm_group_all_gather(nvlm_group, const nvlm_tensor *, int32_t, nvlm_tensor, nvlm_work *) { return absent(); }
int nvlm_group_barrier(nvlm_group, nvlm_work *) { return absent(); }
int nvlm_group_monitored_barrier(nvlm_group, int64_t) { return absent(); }
int nvlm_work_wait(nvlm_work, int64_t, int32_t *) { return absent(); }
int32_t nvlm_work_is_completed(nvlm_work) { return 1; }
void nvlm_work_free(nvlm_work) {}

#endif
