// Operators by name: a schema is looked up once, then called boxed through libtorch's dispatcher.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "handles.h"

namespace nanovlm {
namespace {

using c10::IValue;
using c10::TypeKind;

thread_local std::string last_error;

// How an argument wants its value: dispatch on the schema's type happens here once, not at every call.
enum class Kind { Any, Float, Scalar, IntList, FloatList, BoolList, TensorList, OptionalTensorList, Device, Generator };

struct Operator {
    c10::OperatorHandle handle;
    std::vector<Kind> kinds;
    explicit Operator(c10::OperatorHandle h) : handle(h) {}
};

Kind kind_of(const c10::TypePtr &declared) {
    c10::TypePtr type = declared;
    if (auto inner = type->cast<c10::OptionalType>()) type = inner->getElementType();
    switch (type->kind()) {
        case TypeKind::FloatType: return Kind::Float;
        case TypeKind::NumberType: return Kind::Scalar;
        case TypeKind::DeviceObjType: return Kind::Device;
        case TypeKind::GeneratorType: return Kind::Generator;
        case TypeKind::ListType: {
            auto element = type->castRaw<c10::ListType>()->getElementType();
            switch (element->kind()) {
                case TypeKind::FloatType: return Kind::FloatList;
                case TypeKind::BoolType: return Kind::BoolList;
                case TypeKind::TensorType: return Kind::TensorList;
                case TypeKind::OptionalType: return Kind::OptionalTensorList;
                default: return Kind::IntList;
            }
        }
        default: return Kind::Any;
    }
}

IValue list_value(const nvlm_value &value, Kind kind) {
    switch (value.tag) {
        case NVLM_INT_LIST: {
            const auto *items = static_cast<const int64_t *>(value.pointer);
            if (kind == Kind::FloatList) {
                c10::List<double> list;
                for (int32_t i = 0; i < value.length; ++i) list.push_back(static_cast<double>(items[i]));
                return list;
            }
            c10::List<int64_t> list;
            list.reserve(static_cast<size_t>(value.length));
            for (int32_t i = 0; i < value.length; ++i) list.push_back(items[i]);
            return list;
        }
        case NVLM_DOUBLE_LIST: {
            const auto *items = static_cast<const double *>(value.pointer);
            c10::List<double> list;
            for (int32_t i = 0; i < value.length; ++i) list.push_back(items[i]);
            return list;
        }
        case NVLM_BOOL_LIST: {
            const auto *items = static_cast<const uint8_t *>(value.pointer);
            c10::List<bool> list;
            for (int32_t i = 0; i < value.length; ++i) list.push_back(items[i] != 0);
            return list;
        }
        default: {
            const auto *items = static_cast<const nvlm_tensor *>(value.pointer);
            if (kind == Kind::OptionalTensorList) {
                c10::List<c10::optional<at::Tensor>> list;
                list.reserve(static_cast<size_t>(value.length));
                for (int32_t i = 0; i < value.length; ++i)
                    list.push_back(items[i] ? c10::optional<at::Tensor>(to_tensor(items[i])) : c10::nullopt);
                return list;
            }
            c10::List<at::Tensor> list;
            list.reserve(static_cast<size_t>(value.length));
            for (int32_t i = 0; i < value.length; ++i) list.push_back(to_tensor(items[i]));
            return list;
        }
    }
}

IValue to_ivalue(const nvlm_value &value, Kind kind) {
    switch (value.tag) {
        case NVLM_NONE: return IValue();
        case NVLM_TENSOR: return to_tensor(static_cast<nvlm_tensor>(value.pointer));
        case NVLM_INT:
            if (kind == Kind::Float) return static_cast<double>(value.integer);
            if (kind == Kind::IntList) return c10::List<int64_t>({value.integer});
            return value.integer;
        case NVLM_DOUBLE: return value.number;
        case NVLM_BOOL: return value.integer != 0;
        case NVLM_STRING:
            return std::string(static_cast<const char *>(value.pointer), static_cast<size_t>(value.length));
        case NVLM_DEVICE:
            return c10::Device(static_cast<c10::DeviceType>(value.integer & 0xffff),
                               static_cast<c10::DeviceIndex>(value.integer >> 32));
        case NVLM_GENERATOR: return generator(static_cast<nvlm_generator>(value.pointer));
        default: return list_value(value, kind);
    }
}

void add_result(const IValue &result, nvlm_value *results, int32_t capacity, int32_t &count) {
    TORCH_CHECK(count < capacity, "more results than the caller has room for");
    nvlm_value &out = results[count++];
    out = nvlm_value{};  // a kind that is not known leaves it empty
    if (result.isNone()) {
        out.tag = NVLM_NONE;
    } else if (result.isTensor()) {
        out.pointer = to_handle(result.toTensor());
        out.tag = out.pointer ? NVLM_TENSOR : NVLM_NONE;
    } else if (result.isInt()) {
        out.tag = NVLM_INT;
        out.integer = result.toInt();
    } else if (result.isDouble()) {
        out.tag = NVLM_DOUBLE;
        out.number = result.toDouble();
    } else if (result.isBool()) {
        out.tag = NVLM_BOOL;
        out.integer = result.toBool();
    } else if (result.isTensorList()) {
        auto list = result.toTensorVector();
        auto *handles = static_cast<nvlm_tensor *>(std::malloc(sizeof(nvlm_tensor) * (list.size() + 1)));
        for (size_t i = 0; i < list.size(); ++i) handles[i] = to_handle(std::move(list[i]));
        out.tag = NVLM_TENSOR_LIST;
        out.length = static_cast<int32_t>(list.size());
        out.pointer = handles;
    } else if (result.isString()) {
        out.tag = NVLM_STRING;
        out.length = static_cast<int32_t>(result.toStringRef().size());
        out.pointer = copy_string(result.toStringRef());
    } else {
        TORCH_CHECK(false, "a result of kind ", result.tagKind(), " cannot be returned");
    }
}

void release_result(const nvlm_value &result) {
    if (result.tag == NVLM_TENSOR) nvlm_tensor_release(static_cast<nvlm_tensor>(result.pointer));
    if (result.tag == NVLM_TENSOR_LIST)
        for (int32_t i = 0; i < result.length; ++i)
            nvlm_tensor_release(static_cast<const nvlm_tensor *>(result.pointer)[i]);
    if (result.tag == NVLM_TENSOR_LIST || result.tag == NVLM_STRING) std::free(result.pointer);
}

// Shapes of the tensor arguments, for messages: "Float[2, 3], Float[4]".
std::string describe(const nvlm_value *arguments, int32_t count) {
    std::ostringstream text;
    auto one = [&](nvlm_tensor handle) {
        auto tensor = to_tensor(handle);
        if (!tensor.defined()) {
            text << "none";
            return;
        }
        text << c10::toString(tensor.scalar_type()) << '[';
        for (int64_t i = 0; i < tensor.dim(); ++i) text << (i ? ", " : "") << tensor.size(i);
        text << ']';
    };
    bool first = true;
    for (int32_t i = 0; i < count; ++i) {
        if (arguments[i].tag == NVLM_TENSOR) {
            text << (first ? "" : ", ");
            one(static_cast<nvlm_tensor>(arguments[i].pointer));
            first = false;
        } else if (arguments[i].tag == NVLM_TENSOR_LIST) {
            text << (first ? "" : ", ") << '{';
            const auto *items = static_cast<const nvlm_tensor *>(arguments[i].pointer);
            for (int32_t j = 0; j < arguments[i].length && j < 8; ++j) {
                text << (j ? ", " : "");
                one(items[j]);
            }
            text << (arguments[i].length > 8 ? ", ...}" : "}");
            first = false;
        }
    }
    return text.str();
}

void call(Operator &op, const nvlm_value *arguments, int32_t argument_count, nvlm_value *results, int32_t capacity,
          int32_t *result_count) {
    const auto &schema = op.handle.schema();
    const auto &declared = schema.arguments();
    TORCH_CHECK(static_cast<size_t>(argument_count) <= declared.size(), "takes ", declared.size(), " arguments, got ",
                argument_count);
    torch::jit::Stack stack;
    stack.reserve(std::max(declared.size(), schema.returns().size()));
    for (size_t i = 0; i < declared.size(); ++i) {
        if (i < static_cast<size_t>(argument_count)) {
            stack.push_back(to_ivalue(arguments[i], op.kinds[i]));
        } else {
            TORCH_CHECK(declared[i].default_value().has_value(), "argument '", declared[i].name(), "' is missing");
            stack.push_back(*declared[i].default_value());
        }
    }
    op.handle.callBoxed(&stack);
    *result_count = 0;
    try {
        for (const auto &result : stack) add_result(result, results, capacity, *result_count);
    } catch (...) {
        for (int32_t i = 0; i < *result_count; ++i) release_result(results[i]);
        throw;
    }
}

}  // namespace

int fail(const std::string &message) {
    last_error = message;
    return NVLM_ERROR;
}

}  // namespace nanovlm

using namespace nanovlm;

const char *nvlm_last_error(void) { return last_error.c_str(); }

void nvlm_free(void *memory) { std::free(memory); }

nvlm_operator nvlm_operator_find(const char *name, const char *overload) {
    try {
        auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
        if (!handle.has_value()) return nullptr;
        auto *op = new Operator(*handle);
        for (const auto &argument : op->handle.schema().arguments()) op->kinds.push_back(kind_of(argument.type()));
        return reinterpret_cast<nvlm_operator>(op);  // lives as long as the process: operators are looked up once
    } catch (...) {
        return nullptr;
    }
}

int nvlm_operator_call(nvlm_operator handle, const nvlm_value *arguments, int32_t argument_count, nvlm_value *results,
                       int32_t capacity, int32_t *result_count) {
    auto &op = *reinterpret_cast<Operator *>(handle);
    const int status =
        guarded([&] { call(op, arguments, argument_count, results, capacity, result_count); });
    if (status == NVLM_OK) return status;
    const std::string reason = last_error;
    return guarded([&] {
        const auto &name = op.handle.operator_name();
        throw std::runtime_error(reason + "\n  in " + name.name + (name.overload_name.empty() ? "" : ".") +
                                 name.overload_name + "(" + describe(arguments, argument_count) + ")");
    });
}
