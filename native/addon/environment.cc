#include "environment.h"

#include <algorithm>
#include <cstdlib>

#include "open_device.h"

namespace stylear::addon {

Pending::Pending(napi_env env, napi_value callback, napi_value kept) {
  must(napi_create_reference(env, callback, 1, &callback_));
  if (kept) must(napi_create_reference(env, kept, 1, &kept_));
}

void Pending::release(napi_env env) {
  napi_delete_reference(env, callback_);
  if (kept_) napi_delete_reference(env, kept_);
}

Environment& Environment::make(napi_env env) {
  auto* made = new Environment(env);
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); };
  must(napi_set_instance_data(env, made, destroy, nullptr));
  return *made;
}

Environment::Environment(napi_env env) : env_(env) {
  napi_value name = string_of(env, "stylear");
  const auto called = [](napi_env env, napi_value, void* context, void* data) {
    auto& environment = *static_cast<Environment*>(context);
    if (env && !environment.ending_) environment.settle(env, *static_cast<Pending*>(data));
  };
  must(napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                       called, &bell_));
  must(napi_unref_threadsafe_function(env, bell_));
  // Hooks run last in, first out: this one before the bell's own.
  must(napi_add_env_cleanup_hook(
      env, [](void* data) { static_cast<Environment*>(data)->shut(); }, this));
}

void Environment::shut() {
  ending_ = true;
  for (auto& device : devices_) device->abandon();
  devices_.clear();
  // All have been finished, and nobody is left to be called.
  for (Pending* pending : pending_) {
    pending->release(env_);
    delete pending;
  }
  pending_.clear();
}

OpenDevice& Environment::add(std::unique_ptr<OpenDevice> device) {
  devices_.push_back(std::move(device));
  return *devices_.back();
}

Pending& Environment::begin(napi_value callback, napi_value kept) {
  auto pending = std::make_unique<Pending>(env_, callback, kept);
  pending_.insert(pending.get());
  if (pending_.size() == 1) must(napi_ref_threadsafe_function(env_, bell_));
  return *pending.release();
}

void Environment::finish(Pending& pending) {
  napi_call_threadsafe_function(bell_, &pending, napi_tsfn_nonblocking);
}

void Environment::forget(Pending& pending) {
  pending_.erase(&pending);
  if (pending_.empty()) napi_unref_threadsafe_function(env_, bell_);
  pending.release(env_);
  delete &pending;
}

void Environment::settle(napi_env env, Pending& pending) {
  napi_value callback, undefined;
  napi_value arguments[2];
  if (napi_get_reference_value(env, pending.callback_, &callback) == napi_ok &&
      napi_get_undefined(env, &undefined) == napi_ok) {
    arguments[0] = arguments[1] = undefined;
    if (pending.failure) {
      const std::string& code = pending.failure->code();
      const std::string message = pending.failure->what();
      napi_create_string_utf8(env, code.data(), code.size(), &arguments[0]);
      napi_create_string_utf8(env, message.data(), message.size(), &arguments[1]);
    }
    forget(pending);
    napi_call_function(env, undefined, callback, 2, arguments, nullptr);
  } else {
    forget(pending);
  }
}

void Environment::account(int64_t bytes) {
  constexpr int64_t step = 1 << 20;
  held_bytes_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, held_bytes_);
  if (ending_ || std::abs(held_bytes_ - noted_bytes_) < step) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - period_began_ > period) {
    last_peak_bytes_ = now - period_began_ > 2 * period ? held_bytes_ : peak_bytes_;
    peak_bytes_ = held_bytes_;
    period_began_ = now;
  }
  const int64_t change = std::max(peak_bytes_, last_peak_bytes_) - reported_bytes_;
  noted_bytes_ = held_bytes_;
  if (std::abs(change) < step) return;
  int64_t total;
  napi_adjust_external_memory(env_, change, &total);
  reported_bytes_ += change;
}

}  // namespace stylear::addon
