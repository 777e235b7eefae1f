// What one JavaScript thread has of this addon: its open devices, the calls it waits for, and the
// bell by which devices wake it. Nothing here is shared with another thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "napi.h"

namespace stylear::addon {

class OpenDevice;

// A callback of JavaScript that a device will want called: `callback(code, message)`, both
// undefined when all went well. Made and ended on the JavaScript thread; between the two, `finish`
// is called once, from a thread of the device.
class Pending {
 public:
  Pending(napi_env env, napi_value callback, napi_value kept);
  void release(napi_env env);

  std::optional<Error> failure;

 private:
  friend class Environment;
  napi_ref callback_ = nullptr;
  napi_ref kept_ = nullptr;  // what the device writes into
};

class Environment {
 public:
  // Lives until the thread's environment ends. References to JavaScript values are not freed with
  // it by themselves.
  static Environment& make(napi_env env);

  napi_env env() const { return env_; }

  OpenDevice& add(std::unique_ptr<OpenDevice> device);

  // While something is pending the process stays alive.
  Pending& begin(napi_value callback, napi_value kept);
  // From any thread: has the callback called on the JavaScript thread.
  void finish(Pending& pending);
  // For calls that came to nothing.
  void forget(Pending& pending);

  // Tells V8 of memory that JavaScript objects hold, a megabyte or more at a time: the most of the
  // last seconds, as of this call. V8 collects garbage when it is told of more, so that a training,
  // which holds and frees the same gigabyte every step, would pay for a collection every step.
  void account(int64_t bytes);

 private:
  explicit Environment(napi_env env);
  // Ends all devices: on the CPU without waiting for more than the op that runs, on a GPU behind
  // all that it was given, which nobody can take back. Called before JavaScript's memory goes away.
  void shut();
  void settle(napi_env env, Pending& pending);

  napi_env env_;
  napi_threadsafe_function bell_ = nullptr;
  std::vector<std::unique_ptr<OpenDevice>> devices_;
  std::unordered_set<Pending*> pending_;
  static constexpr std::chrono::seconds period{5};
  std::chrono::steady_clock::time_point period_began_ = std::chrono::steady_clock::now();
  int64_t held_bytes_ = 0, noted_bytes_ = 0;
  int64_t peak_bytes_ = 0, last_peak_bytes_ = 0;  // of this period and the one before
  int64_t reported_bytes_ = 0;
  bool ending_ = false;
};

}  // namespace stylear::addon
