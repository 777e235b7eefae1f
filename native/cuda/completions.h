// What is to be done when the stream has come to a certain point: a thread waits on events and
// calls back, in the order of the stream.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "fault.h"
#include "gpu.h"

namespace stylear::cuda {

class Completions {
 public:
  Completions(int gpu, const volatile FaultWord* word) : gpu_(gpu), word_(word) {
    thread_ = std::thread([this] { serve(); });
  }
  Completions(const Completions&) = delete;
  // Calls back for everything that was asked for.
  ~Completions() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    for (const cudaEvent_t event : events_) cudaEventDestroy(event);
  }

  // Calls `done`, from the thread of this object, when the stream has finished what was enqueued so
  // far; `done` learns of the failure that stopped the stream, if any.
  void after(cudaStream_t stream, std::function<void(const Error*)> done) {
    cudaEvent_t event = take_event();
    if (event && cudaEventRecord(event, stream) != cudaSuccess) {
      cudaGetLastError();
      give_event(event);
      event = nullptr;
    }
    {
      const std::lock_guard guard(mutex_);
      waiting_.push_back({event, stream, std::move(done)});
    }
    wake_.notify_one();
  }

  // Stops the stream with this failure unless one is known already.
  void fail(const Error& failure) {
    const std::lock_guard guard(mutex_);
    if (!failure_) failure_ = failure;
  }
  // The one that stopped the stream, as far as it is known.
  std::optional<Error> failure() {
    const std::lock_guard guard(mutex_);
    return failure_;
  }
  // Whether a failure is known, looked at before each command.
  bool failed() {
    if (word_->reported) return true;
    const std::lock_guard guard(mutex_);
    return failure_.has_value();
  }

 private:
  struct Item {
    cudaEvent_t event;  // null where the stream could not record it: it has failed
    cudaStream_t stream;
    std::function<void(const Error*)> done;
  };

  void serve() {
    cudaSetDevice(gpu_);
    for (;;) {
      std::unique_lock guard(mutex_);
      wake_.wait(guard, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Item item = std::move(waiting_.front());
      waiting_.pop_front();
      guard.unlock();
      const cudaError_t status =
          item.event ? cudaEventSynchronize(item.event) : cudaStreamSynchronize(item.stream);
      if (item.event) give_event(item.event);
      guard.lock();
      if (!failure_ && status != cudaSuccess)
        failure_.emplace("ERR_DEVICE",
                         std::string("cuda: ") + cudaGetErrorString(status) +
                             ". Run with CUDA_LAUNCH_BLOCKING=1 to learn at which op.");
      if (!failure_ && word_->reported) failure_ = error_of(const_cast<const FaultWord&>(*word_));
      const std::optional<Error> failure = failure_;
      guard.unlock();
      item.done(failure ? &*failure : nullptr);
    }
  }

  cudaEvent_t take_event() {
    {
      const std::lock_guard guard(mutex_);
      if (!events_.empty()) {
        const cudaEvent_t event = events_.back();
        events_.pop_back();
        return event;
      }
    }
    cudaEvent_t event = nullptr;
    const unsigned flags = cudaEventBlockingSync | cudaEventDisableTiming;
    if (cudaEventCreateWithFlags(&event, flags) != cudaSuccess) cudaGetLastError();
    return event;
  }
  void give_event(cudaEvent_t event) {
    const std::lock_guard guard(mutex_);
    events_.push_back(event);
  }

  int gpu_;
  const volatile FaultWord* word_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> waiting_;
  std::vector<cudaEvent_t> events_;
  std::optional<Error> failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace stylear::cuda
