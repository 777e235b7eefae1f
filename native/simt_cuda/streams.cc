// Streams, events, recordings and graphs. The commands of a stream run in order on a thread of its
// own. When, follows the schedule of asynchronous copies (STYLEAR_SIMT_ASYNC): `late`, a little
// after somebody waits for them, so that what was given back or refilled too early is noticed;
// `early`, at once, and whoever waits wakes up later; `random`, either way, by the seed.
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "../cuda/gpu.h"
#include "runtime.h"

namespace stylear::simt_cuda {

namespace {

using Command = std::function<void()>;  // throws Error where it fails
using Commands = std::vector<Command>;

void perform(const Command& command) {
  if (context().dead()) return;
  try {
    context().count_command();
    command();
  } catch (const Error& error) {
    context().die(error.what());
  }
}

class Stream final : public simt::LaunchQueue {
 public:
  Stream() : random_(simt::options().seed), thread_([this] { serve(); }) { ++context().streams; }
  ~Stream() override {
    if (capturing()) misuse("a stream was destroyed while it was capturing");
    {
      const std::lock_guard guard(mutex_);
      if (done_ < pushed_) misuse("a stream was destroyed before it had done its work");
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    context().stream_gone();
  }

  void push_launch(Command launch) override {
    // What an earlier call has left as the last error is taken for the launch's, as with CUDA.
    if (context().refuses_launch())
      context().result(cudaErrorInvalidConfiguration);
    else
      push(std::move(launch));
    cuda::check_cuda(cudaGetLastError(), "kernel launch");
  }
  cudaError_t push(Command command) {
    if (context().dead()) return context().result(cudaErrorLaunchFailure);
    const std::lock_guard guard(mutex_);
    if (captured_) {
      if (invalidated_) return context().result(cudaErrorStreamCaptureInvalidated);
      captured_->push_back(std::move(command));
      return cudaSuccess;
    }
    queue_.push_back(std::move(command));
    ++pushed_;
    constexpr uint64_t deepest = 1024;  // as many wait before a launch does
    if (pushed_ > deepest) want(pushed_ - deepest);
    if (eager()) want(pushed_);
    return cudaSuccess;
  }

  // How far the stream is enqueued; none while it captures.
  std::optional<uint64_t> position() {
    const std::lock_guard guard(mutex_);
    return captured_ ? std::nullopt : std::optional(pushed_);
  }
  void wait_for(uint64_t position) {
    std::unique_lock guard(mutex_);
    const bool late = !eager();
    const auto dawdle = [&] {
      guard.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      guard.lock();
    };
    if (late && done_ < position) dawdle();
    want(position);
    changed_.wait(guard, [&] { return done_ >= position; });
    if (!late) dawdle();
  }

  bool capturing() {
    const std::lock_guard guard(mutex_);
    return captured_.has_value();
  }
  void begin_capture(bool strict) {
    const std::lock_guard guard(mutex_);
    captured_.emplace();
    invalidated_ = false;
    strict_ = strict;
    context().strict_captures += strict;
  }
  void invalidate_capture() {
    const std::lock_guard guard(mutex_);
    invalidated_ = true;
  }
  // What was captured; none if something forbidden came between.
  std::optional<Commands> end_capture() {
    const std::lock_guard guard(mutex_);
    context().strict_captures -= strict_;
    auto captured = std::exchange(captured_, std::nullopt);
    return invalidated_ ? std::nullopt : std::move(captured);
  }

 private:
  // Whether commands run before anybody waits for them, this time.
  bool eager() {
    const simt::Async schedule = simt::options().async;
    return schedule == simt::Async::early ||
           (schedule == simt::Async::random && random_() % 4 == 0);
  }
  void want(uint64_t position) {
    if (position <= wanted_) return;
    wanted_ = position;
    changed_.notify_all();
  }

  void serve() {
    std::unique_lock guard(mutex_);
    for (;;) {
      changed_.wait(guard, [this] { return stopping_ || done_ < wanted_; });
      if (done_ >= wanted_) return;
      const Command command = std::move(queue_.front());
      queue_.pop_front();
      guard.unlock();
      perform(command);
      guard.lock();
      ++done_;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Command> queue_;
  std::optional<Commands> captured_;  // while capturing
  bool invalidated_ = false, strict_ = false;
  uint64_t pushed_ = 0, done_ = 0, wanted_ = 0;  // counts of commands
  std::mt19937_64 random_;
  bool stopping_ = false;
  std::thread thread_;
};

Stream& of(cudaStream_t stream) { return *static_cast<Stream*>(stream); }

}  // namespace

struct Event {
  Stream* stream = nullptr;  // of the last record
  uint64_t position = 0;
  bool captured = false;
  std::atomic<int> waiting{0};
};
struct Graph {
  Commands commands;
};
struct GraphExec {
  Commands commands;
  std::atomic<int> launched{0};  // and not done
};

}  // namespace stylear::simt_cuda

using namespace stylear::simt_cuda;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  if (context().dead()) return context().result(cudaErrorLaunchFailure);
  *stream = new Stream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return context().result(cudaSuccess);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const auto position = of(stream).position();
  if (!position) {
    of(stream).invalidate_capture();
    return context().result(cudaErrorStreamCaptureUnsupported);
  }
  of(stream).wait_for(*position);
  return context().result(cudaSuccess);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  using Kind = Context::Kind;
  const Kind target = kind == cudaMemcpyDeviceToHost ? Kind::host : Kind::device;
  const Kind source = kind == cudaMemcpyHostToDevice ? Kind::host : Kind::device;
  const auto check = [=](const char* when) {
    if (!context().holds(to, bytes, target) || !context().holds(from, bytes, source))
      misuse(
          std::string("expected a copy to have memory of the GPU or pinned memory at both ends ") +
          when);
  };
  check("when it is enqueued");
  return of(stream).push([=] {
    check("when it runs");
    std::memmove(to, from, bytes);
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  if (context().dead()) return context().result(cudaErrorLaunchFailure);
  if (context().refuses_memory()) return context().result(cudaErrorMemoryAllocation);
  *event = new Event;
  ++context().events;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (event->waiting) misuse("an event was destroyed while somebody waited for it");
  --context().events;
  delete event;
  return context().result(cudaSuccess);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (event->waiting) misuse("an event was recorded again while somebody waited for it");
  if (context().dead()) return context().result(cudaErrorLaunchFailure);
  const auto position = of(stream).position();
  event->stream = &of(stream);
  event->position = position.value_or(0);
  event->captured = !position;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->captured) return context().result(cudaErrorCapturedEvent);
  ++event->waiting;
  if (event->stream) event->stream->wait_for(event->position);
  --event->waiting;
  return context().result(cudaSuccess);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (context().dead()) return context().result(cudaErrorLaunchFailure);
  if (of(stream).capturing()) return context().result(cudaErrorIllegalState);
  of(stream).begin_capture(mode != cudaStreamCaptureModeRelaxed);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (!of(stream).capturing()) return context().result(cudaErrorIllegalState);
  auto captured = of(stream).end_capture();
  if (context().dead()) return context().result(cudaErrorLaunchFailure);
  if (!captured) return context().result(cudaErrorStreamCaptureInvalidated);
  *graph = new Graph{std::move(*captured)};
  ++context().graphs;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  --context().graphs;
  delete graph;
  return context().result(cudaSuccess);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  if (context().dead()) return context().result(cudaErrorLaunchFailure);
  if (context().refuses_memory()) return context().result(cudaErrorMemoryAllocation);
  *exec = new GraphExec{graph->commands};
  ++context().graphs;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  if (of(stream).capturing()) return context().result(cudaErrorStreamCaptureUnsupported);
  // What the command holds goes with it, run or not.
  ++exec->launched;
  const cudaError_t status = of(stream).push([exec] {
    for (const Command& command : exec->commands) perform(command);
    --exec->launched;
  });
  if (status != cudaSuccess) --exec->launched;
  return status;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  if (exec->launched && !context().dead()) misuse("a graph was destroyed before it had run");
  --context().graphs;
  delete exec;
  return context().result(cudaSuccess);
}
