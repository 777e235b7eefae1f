// The few forms in which native functions meet JavaScript. Node-API itself is used as it is: an op
// call is some tens of nanoseconds, and a layer on top would be most of it.
#pragma once

#include <node_api.h>

#include <array>
#include <cstdint>
#include <new>
#include <string>

#include "core/error.h"

namespace stylear::addon {

// A call that only fails when JavaScript may no longer run (its thread is being terminated).
inline void must(napi_status status) {
  if (status != napi_ok) throw Error("ERR_DEVICE", "addon: expected the environment to be alive");
}

// What a native function is called with. `owner` is what the function was made with.
struct Call {
  static constexpr size_t most = 6;
  napi_env env;
  void* owner = nullptr;
  std::array<napi_value, most> arguments{};

  Call(napi_env env, napi_callback_info info) : env(env) {
    size_t count = most;
    must(napi_get_cb_info(env, info, &count, arguments.data(), nullptr, &owner));
  }

  double number(int i) const {
    double value = 0;
    if (napi_get_value_double(env, arguments[i], &value) != napi_ok) wrong(i, "a number");
    return value;
  }
  int64_t integer(int i) const { return static_cast<int64_t>(number(i)); }

  std::string string(int i) const {
    size_t length = 0;
    if (napi_get_value_string_utf8(env, arguments[i], nullptr, 0, &length) != napi_ok)
      wrong(i, "a string");
    std::string value(length, '\0');
    must(napi_get_value_string_utf8(env, arguments[i], value.data(), length + 1, &length));
    return value;
  }

  struct Bytes {
    napi_typedarray_type type;
    void* data;
    int64_t count;  // elements
  };
  Bytes typed_array(int i) const {
    Bytes bytes{};
    size_t count = 0;
    napi_value buffer;
    size_t offset;
    if (napi_get_typedarray_info(env, arguments[i], &bytes.type, &count, &bytes.data, &buffer,
                                 &offset) != napi_ok)
      wrong(i, "a typed array");
    bytes.count = static_cast<int64_t>(count);
    return bytes;
  }

  [[noreturn]] void wrong(int i, const char* expected) const {
    throw Error("ERR_VALUE", "addon: expected argument " + std::to_string(i) + " to be " +
                                 std::string(expected));
  }
};

inline napi_value number_of(napi_env env, double value) {
  napi_value result;
  must(napi_create_double(env, value, &result));
  return result;
}
inline napi_value string_of(napi_env env, const std::string& value) {
  napi_value result;
  must(napi_create_string_utf8(env, value.data(), value.size(), &result));
  return result;
}
inline napi_value object_of(napi_env env) {
  napi_value result;
  must(napi_create_object(env, &result));
  return result;
}
inline void set(napi_env env, napi_value object, const char* name, napi_value value) {
  must(napi_set_named_property(env, object, name, value));
}

// Runs `body`; what it throws becomes a JavaScript error with a `code`.
template <class Body>
napi_value guarded(napi_env env, Body&& body) {
  try {
    return body();
  } catch (const Error& error) {
    napi_throw_error(env, error.code().c_str(), error.what());
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, "ERR_OUT_OF_MEMORY", "addon: expected host memory, got none");
  } catch (const std::exception& error) {
    napi_throw_error(env, "ERR_DEVICE", error.what());
  }
  return nullptr;
}

// Sets `object[name]` to a function that calls `function(owner, call)`; the result may be null.
template <class Owner, napi_value (*function)(Owner&, const Call&)>
void set_function(napi_env env, napi_value object, const char* name, Owner& owner) {
  const napi_callback callback = [](napi_env env, napi_callback_info info) {
    return guarded(env, [&] {
      const Call call(env, info);
      return function(*static_cast<Owner*>(call.owner), call);
    });
  };
  napi_value made;
  must(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, &owner, &made));
  set(env, object, name, made);
}

}  // namespace stylear::addon
