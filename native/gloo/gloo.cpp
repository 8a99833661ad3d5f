// nanovlm_gloo: collectives of several processes over TCP, as a plain C library over gloo (https://github.com/facebookincubator/gloo).
//
// Its symbols stay its own (hidden, -Bsymbolic): libtorch_cpu holds another gloo. No exception leaves it: a function that fails returns
// -1, or null, and nanovlm_gloo_error() then says why to the thread that called it. All ranks call the same functions in the same order;
// every call waits for its end.
#include <gloo/allgather.h>
#include <gloo/allreduce.h>
#include <gloo/broadcast.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#define NANOVLM_API extern "C" __attribute__((visibility("default")))

// Where ranks tell each other their addresses. Functions return a negative number on failure.
struct nanovlm_gloo_store {
    void *context;
    int32_t (*set)(void *context, const char *key, const void *value, int64_t bytes);
    int32_t (*wait)(void *context, const char *key, int64_t milliseconds);
    int64_t (*get)(void *context, const char *key, void *value, int64_t capacity); // gives the value's length
};

enum nanovlm_gloo_type { FLOAT32 = 0, FLOAT64 = 1, INT64 = 2 };

namespace {

thread_local std::string last_error;

class Store : public gloo::rendezvous::Store {
  public:
    explicit Store(const nanovlm_gloo_store &calls) : calls(calls) {}

    void set(const std::string &key, const std::vector<char> &value) override {
        check(calls.set(calls.context, key.c_str(), value.data(), static_cast<int64_t>(value.size())), key);
    }

    std::vector<char> get(const std::string &key) override {
        std::vector<char> value(256);
        for (;;) {
            const auto length = calls.get(calls.context, key.c_str(), value.data(), static_cast<int64_t>(value.size()));
            check(length, key);
            const auto fits = length <= static_cast<int64_t>(value.size());
            value.resize(static_cast<size_t>(length));
            if (fits) return value;
        }
    }

    void wait(const std::vector<std::string> &keys) override { wait(keys, kDefaultTimeout); }

    void wait(const std::vector<std::string> &keys, const std::chrono::milliseconds &timeout) override {
        for (const auto &key : keys) check(calls.wait(calls.context, key.c_str(), timeout.count()), key);
    }

  private:
    static void check(int64_t result, const std::string &key) {
        if (result < 0) throw gloo::IoException("the store has not given " + key);
    }

    const nanovlm_gloo_store calls;
};

// gloo took the store by reference, and takes a shared pointer in later versions.
template <typename Context, typename Rendezvous, typename Device>
auto connect(Context &context, std::shared_ptr<Rendezvous> store, Device &device, int) -> decltype(context.connectFullMesh(store, device)) {
    return context.connectFullMesh(store, device);
}

template <typename Context, typename Rendezvous, typename Device>
void connect(Context &context, std::shared_ptr<Rendezvous> store, Device &device, long) {
    context.connectFullMesh(*store, device);
}

struct Group {
    std::shared_ptr<gloo::rendezvous::Context> context;
    uint32_t tag = 0; // a number of its own for each collective, as gloo asks for

    std::shared_ptr<gloo::Context> base() const { return context; }
};

template <typename T>
void all_reduce(Group &group, void *data, int64_t count) {
    gloo::AllreduceOptions options(group.base());
    options.setOutput(static_cast<T *>(data), static_cast<size_t>(count));
    options.setReduceFunction(static_cast<void (*)(void *, const void *, const void *, size_t)>(&gloo::sum<T>));
    options.setTag(group.tag++);
    gloo::allreduce(options);
}

template <typename Call>
int32_t guarded(Call call) {
    try {
        call();
        return 0;
    } catch (const std::exception &error) {
        last_error = error.what();
    } catch (...) {
        last_error = "unknown error";
    }
    return -1;
}

}  // namespace

NANOVLM_API const char *nanovlm_gloo_error() { return last_error.c_str(); }

// Connects every rank with every other.
// address: this process's own, which the others reach it at. milliseconds: the longest that a collective, or this, waits for another rank.
NANOVLM_API void *nanovlm_gloo_join(int32_t rank, int32_t size, const char *address, int64_t milliseconds,
                                    const nanovlm_gloo_store *store) {
    auto group = std::make_unique<Group>();
    const auto result = guarded([&] {
        auto device = gloo::transport::tcp::CreateDevice(gloo::transport::tcp::attr(address));
        group->context = std::make_shared<gloo::rendezvous::Context>(rank, size);
        group->context->setTimeout(std::chrono::milliseconds(milliseconds));
        connect(*group->context, std::make_shared<Store>(*store), device, 0);
    });
    return result == 0 ? group.release() : nullptr;
}

// Closes the connections. A group in which a call still waits must be left alone instead, until the process ends.
NANOVLM_API void nanovlm_gloo_leave(void *group) {
    guarded([&] { delete static_cast<Group *>(group); });
}

// Sums count elements of all ranks, in place; every rank gets the same bits.
NANOVLM_API int32_t nanovlm_gloo_all_reduce(void *group, void *data, int64_t count, int32_t type) {
    return guarded([&] {
        auto &all = *static_cast<Group *>(group);
        switch (type) {
            case FLOAT32: return all_reduce<float>(all, data, count);
            case FLOAT64: return all_reduce<double>(all, data, count);
            case INT64: return all_reduce<int64_t>(all, data, count);
            default: throw gloo::InvalidOperationException("an element type that is not summed");
        }
    });
}

// Gives all ranks the bytes of one, in place.
NANOVLM_API int32_t nanovlm_gloo_broadcast(void *group, void *data, int64_t bytes, int32_t from) {
    return guarded([&] {
        auto &all = *static_cast<Group *>(group);
        gloo::BroadcastOptions options(all.base());
        options.setOutput(static_cast<uint8_t *>(data), static_cast<size_t>(bytes));
        options.setRoot(from);
        options.setTag(all.tag++);
        gloo::broadcast(options);
    });
}

// Gathers as many bytes of each rank, in the order of ranks.
NANOVLM_API int32_t nanovlm_gloo_all_gather(void *group, const void *input, void *output, int64_t bytes) {
    return guarded([&] {
        auto &all = *static_cast<Group *>(group);
        gloo::AllgatherOptions options(all.base());
        options.setInput(static_cast<uint8_t *>(const_cast<void *>(input)), static_cast<size_t>(bytes));
        options.setOutput(static_cast<uint8_t *>(output), static_cast<size_t>(bytes) * static_cast<size_t>(all.context->size));
        options.setTag(all.tag++);
        gloo::allgather(options);
    });
}
