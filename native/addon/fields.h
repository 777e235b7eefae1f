// The fields of an op struct from JavaScript. The arguments of a call lie as numbers in a buffer
// that both sides see, in the order of `fields()`: a tensor as its handle (absent: -1), a number or
// a boolean as itself, an enum as the index of its name, a list as its length and its entries.
#pragma once

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>

#include "core/check.h"
#include "napi.h"
#include "tensors.h"

namespace stylear::addon {

class FromBuffer {
 public:
  FromBuffer(const char* op, const double* at, const TensorTable& tensors)
      : op_(op), at_(at), tensors_(tensors) {}

  void operator()(const char* name, In& field) { tensor(name, field); }
  void operator()(const char* name, Out& field) { writable(name, tensor(name, field)); }
  void operator()(const char* name, MaybeIn& field) {
    if (given()) tensor(name, field);
  }
  void operator()(const char* name, MaybeOut& field) {
    if (given()) writable(name, tensor(name, field));
  }

  void operator()(const char* name, float& field) {
    const double value = *at_++;
    if (std::isnan(value)) fail("ERR_VALUE", name, "a number", "NaN");
    field = static_cast<float>(value);
  }
  void operator()(const char*, bool& field) { field = *at_++ != 0; }
  template <class I>
    requires std::is_integral_v<I>
  void operator()(const char* name, I& field) {
    field = static_cast<I>(
        integer(name, std::numeric_limits<I>::lowest(), std::numeric_limits<I>::max()));
  }
  void operator()(const char* name, Ints& field) {
    const double count = *at_++;
    if (!(count >= 0 && count <= Shape::max_rank))
      fail("ERR_VALUE", name, "a list of at most 6 integers", text(count) + " of them");
    field.count = static_cast<int>(count);
    for (int i = 0; i < field.count; ++i) field.values[i] = integer(name, -most, most);
  }
  template <class E>
    requires std::is_enum_v<E>
  void operator()(const char*, E& field) {
    field = static_cast<E>(*at_++);
  }

  // The storages that the op's tensors lie on, for a recording to keep.
  static constexpr int most_tensors = 24;
  int storage_count = 0;
  Storage* storages[most_tensors];

 private:
  bool given() {
    if (*at_ != -1) return true;
    ++at_;
    return false;
  }

  const Storage& tensor(const char* name, TensorView& field) {
    const TensorTable::Slot* slot = tensors_.find(*at_++);
    if (!slot) fail("ERR_DISPOSED", name, "a live tensor", "one that was disposed");
    field = slot->view;
    storages[storage_count++] = slot->storage;
    return *slot->storage;
  }
  void writable(const char* name, const Storage& storage) {
    if (storage.read_only()) fail("ERR_VALUE", name, "writable", "a tensor of a mapped file");
  }

  static constexpr int64_t most = (int64_t{1} << 53) - 1;

  int64_t integer(const char* name, int64_t low, int64_t high) {
    const double value = *at_++;
    if (!(std::abs(value) <= static_cast<double>(most)) || value != std::floor(value) ||
        value < static_cast<double>(low) || value > static_cast<double>(high))
      fail("ERR_VALUE", name, "an integer", text(value));
    return static_cast<int64_t>(value);
  }

  static std::string text(double value) {
    std::ostringstream stream;
    stream << value;
    return stream.str();
  }
  [[noreturn]] void fail(const char* code, const char* name, const char* expected,
                         const std::string& got) const {
    Check(op_).fail(code, name, expected, got);
  }

  const char* op_;
  const double* at_;
  const TensorTable& tensors_;
};

// Counts what FromBuffer would read at most, and describes the fields to JavaScript:
// `{ name, kind, values? }`, kind one of the words below.
class Describe {
 public:
  Describe(napi_env env, napi_value list) : env_(env), list_(list) {}

  template <class Field>
  void operator()(const char* name, const Field&) {
    napi_value field = object_of(env_);
    set(env_, field, "name", string_of(env_, name));
    set(env_, field, "kind", string_of(env_, kind<Field>()));
    if constexpr (std::is_enum_v<Field>) {
      napi_value values;
      must(napi_create_array(env_, &values));
      uint32_t i = 0;
      for (const char* value : EnumNames<Field>::names)
        must(napi_set_element(env_, values, i++, string_of(env_, value)));
      set(env_, field, "values", values);
    }
    must(napi_set_element(env_, list_, count_++, field));
    if constexpr (std::is_base_of_v<TensorView, Field>)
      if (++tensors_ > FromBuffer::most_tensors) throw Error("ERR_BACKEND", "op: too many tensors");
  }

 private:
  template <class Field>
  static const char* kind() {
    if constexpr (std::is_base_of_v<MaybeIn, Field> || std::is_base_of_v<MaybeOut, Field>)
      return "maybe_tensor";
    else if constexpr (std::is_base_of_v<TensorView, Field>)
      return "tensor";
    else if constexpr (std::is_same_v<Field, Ints>)
      return "ints";
    else if constexpr (std::is_same_v<Field, bool>)
      return "bool";
    else if constexpr (std::is_enum_v<Field>)
      return "enum";
    else
      return "number";
  }

  napi_env env_;
  napi_value list_;
  uint32_t count_ = 0;
  int tensors_ = 0;
};

}  // namespace stylear::addon
