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

// Host memory that kernels write into: what one of an op reports, and the last point of the stream,
// counted by Completions, that was passed before anything was reported.
struct StreamWords {
  FaultWord fault;
  unsigned long long sound;
};

static __global__ void pass_point(StreamWords* words, unsigned long long point) {
  if (!*static_cast<volatile unsigned*>(&words->fault.reported)) words->sound = point;
}

// A failure concerns what was asked for behind it in the stream: the thread comes late, and finds
// what kernels further on have reported.
class Completions {
 public:
  Completions(int gpu, const volatile StreamWords* words, StreamWords* words_on_gpu)
      : gpu_(gpu), words_(words), words_on_gpu_(words_on_gpu) {
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
  // far; `done` learns of the failure that had stopped the stream by then, if any. It waits by
  // itself where the stream can record no event, as when it has failed: a recording may begin
  // before the thread comes to it.
  void after(cudaStream_t stream, std::function<void(const Error*)> done) {
    const unsigned long long point = ++points_;
    cudaEvent_t event = take_event();
    if (event && !marked(event, stream, point)) {
      give_event(event);
      event = nullptr;
    }
    const cudaError_t status = event ? cudaSuccess : cudaStreamSynchronize(stream);
    {
      const std::lock_guard guard(mutex_);
      waiting_.push_back({point, event, status, std::move(done)});
    }
    wake_.notify_one();
  }

  // Stops the stream here with this failure unless one is known already.
  void fail(const Error& failure) {
    const std::lock_guard guard(mutex_);
    if (failure_) return;
    failure_ = failure;
    failed_from_ = points_ + 1;
  }
  // The one that stopped the stream, as far as it is known.
  std::optional<Error> failure() {
    const std::lock_guard guard(mutex_);
    return failure_;
  }
  // Whether a failure is known, looked at before each command.
  bool failed() {
    if (words_->fault.reported) return true;
    const std::lock_guard guard(mutex_);
    return failure_.has_value();
  }

 private:
  struct Item {
    unsigned long long point;
    cudaEvent_t event;   // null where the stream recorded none
    cudaError_t status;  // then what waiting for it said
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
      const cudaError_t status = item.event ? cudaEventSynchronize(item.event) : item.status;
      if (item.event) give_event(item.event);
      guard.lock();
      if (item.point < failed_from_) {
        if (status != cudaSuccess)
          stop(item,
               Error("ERR_DEVICE", std::string("cuda: ") + cudaGetErrorString(status) +
                                       ". Run with CUDA_LAUNCH_BLOCKING=1 to learn at which op."));
        else if (words_->fault.reported && words_->sound < item.point)
          stop(item, error_of(const_cast<const FaultWord&>(words_->fault)));
      }
      const std::optional<Error> failure = item.point < failed_from_ ? std::nullopt : failure_;
      guard.unlock();
      item.done(failure ? &*failure : nullptr);
    }
  }

  void stop(const Item& item, const Error& failure) {
    failure_ = failure;
    failed_from_ = item.point;
  }

  bool marked(cudaEvent_t event, cudaStream_t stream, unsigned long long point) {
    try {
      launch(stream, pass_point, 1, 1, 0, words_on_gpu_, point);
    } catch (const Error&) {
      return false;
    }
    if (cudaEventRecord(event, stream) == cudaSuccess) return true;
    cudaGetLastError();
    return false;
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
  const volatile StreamWords* words_;
  StreamWords* words_on_gpu_;
  unsigned long long points_ = 0;  // of the stream, as `after` was called
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> waiting_;
  std::vector<cudaEvent_t> events_;
  std::optional<Error> failure_;
  unsigned long long failed_from_ = ~0ull;  // the first point behind the failure
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace stylear::cuda
