// A device that computes on the host: memory from the system, a queue thread, recordings as lists
// of commands. `Context` is what the kernels share an op with, `run(const Op&, Context&)` carries
// an op out, and the context's `finish_op()` is called after each.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "core/device.h"
#include "core/pool.h"
#include "memory.h"
#include "queue.h"

namespace stylear {

template <class Context, class Memory = HostMemory>
class HostDevice final : public Device, private BlockSource {
 public:
  template <class... Arguments>
  HostDevice(std::string name, int threads, Arguments&&... context)
      : name_(std::move(name)),
        threads_(threads),
        runner_(std::forward<Arguments>(context)...),
        queue_(std::in_place, runner_),
        pool_(*this, Memory::reused) {}
  ~HostDevice() override {
    queue_.reset();
    trim();
  }

  void abandon() override { runner_.abandoned.store(true, std::memory_order_relaxed); }

  const std::string& name() const override { return name_; }
  int threads() const override { return threads_; }

  void* allocate(int64_t bytes) override { return pool_.allocate(bytes); }
  void release(void* block) override { pool_.release(block); }
  void trim() override {
    pool_.trim();
    if (queue_)
      queue_->push(GiveBackRest{});
    else
      Memory::give_rest();
  }
  MemoryUse memory() const override { return pool_.use(); }
  bool reads_host_memory() const override { return true; }

  void upload(void* to, const void* from, int64_t bytes) override {
    refuse_recording("upload");
    const auto size = static_cast<size_t>(bytes);
    if (queue_->idle()) {
      std::memcpy(to, from, size);
    } else if (bytes <= inline_bytes) {
      queue_->push(Copy{to, nullptr, bytes}, size, [from, size](Copy& copy, char* more) {
        std::memcpy(more, from, size);
        copy.from = more;
      });
    } else {
      auto kept = std::make_unique_for_overwrite<char[]>(size);
      std::memcpy(kept.get(), from, size);
      queue_->push(CopyKept{to, std::move(kept), bytes});
    }
  }
  void download(void* to, const void* from, int64_t bytes) override {
    refuse_recording("download");
    queue_->push(Copy{to, from, bytes});
  }
  void copy(void* to, const void* from, int64_t bytes) override { push(Copy{to, from, bytes}); }

  void notify(std::function<void(const Error*)> done) override {
    refuse_recording("notify");
    queue_->push(Notification{std::move(done)});
  }

  void begin_recording() override {
    refuse_recording("begin_recording");
    pool_.begin_recording();
    recording_ = std::make_shared<CommandList<Runner>>();
  }
  std::unique_ptr<Graph> end_recording() override {
    return std::make_unique<Recording>(*this, std::move(recording_), pool_.end_recording());
  }

#define X(Op) \
  void submit(const Op& op) override { push(Run<Op>{op}); }
  STYLEAR_OPS(X)
#undef X

 private:
  // What the queue's thread does with each command, and what it remembers of a failure.
  struct Runner {
    template <class... Arguments>
    explicit Runner(Arguments&&... arguments) : context(std::forward<Arguments>(arguments)...) {}

    template <class Task>
    void perform(Task& task) {
      if constexpr (requires { task.settle(*this); }) {
        task.settle(*this);
      } else {
        if (failure || abandoned.load(std::memory_order_relaxed)) return;
        try {
          task(*this);
        } catch (const Error& error) {
          failure = error;
        } catch (const std::bad_alloc&) {
          failure.emplace("ERR_OUT_OF_MEMORY", "device: expected scratch memory, got none");
        } catch (const std::exception& exception) {
          failure.emplace("ERR_DEVICE", exception.what());
        }
      }
    }

    Context context;
    std::optional<Error> failure;
    std::atomic<bool> abandoned{false};
  };

  template <class Op>
  struct Run {
    Op op;
    void operator()(Runner& runner) {
      run(op, runner.context);
      runner.context.finish_op();
    }
  };
  struct Copy {
    void* to;
    const void* from;
    int64_t bytes;
    void operator()(Runner&) { std::memmove(to, from, static_cast<size_t>(bytes)); }
  };
  struct CopyKept {
    void* to;
    std::unique_ptr<char[]> from;
    int64_t bytes;
    void operator()(Runner&) { std::memcpy(to, from.get(), static_cast<size_t>(bytes)); }
  };
  struct Replay {
    std::shared_ptr<CommandList<Runner>> commands;
    void operator()(Runner& runner) {
      commands->for_each([&](Command<Runner>& c) { c.perform(runner, c.task()); });
    }
  };
  // Also performed after a failure.
  struct Notification {
    std::function<void(const Error*)> done;
    void settle(Runner& runner) {
      if (!runner.failure && runner.abandoned.load(std::memory_order_relaxed))
        runner.failure.emplace("ERR_DEVICE", "device: expected to stay open, got closed");
      done(runner.failure ? &*runner.failure : nullptr);
    }
  };
  struct GiveBack {
    void* block;
    int64_t bytes;
    void settle(Runner&) { Memory::give(block, bytes); }
  };
  struct GiveBackRest {  // behind the blocks that go back one by one
    void settle(Runner&) { Memory::give_rest(); }
  };

  class Recording final : public Graph {
   public:
    Recording(HostDevice& device, std::shared_ptr<CommandList<Runner>> commands, int64_t number)
        : device_(device), commands_(std::move(commands)), number_(number) {}
    ~Recording() override { device_.pool_.forget(number_); }
    void replay() override {
      device_.refuse_recording("replay");
      device_.queue_->push(Replay{commands_});
    }

   private:
    HostDevice& device_;
    std::shared_ptr<CommandList<Runner>> commands_;
    int64_t number_;
  };

  template <class Task>
  void push(const Task& task) {
    if (recording_)
      recording_->push(task);
    else
      queue_->push(task);
  }
  void refuse_recording(const char* what) const {
    if (recording_)
      throw Error("ERR_DEVICE", std::string(what) + ": expected no recording to be going on, got " +
                                    "one. Call it before or after `record`.");
  }

  // BlockSource. A block goes back to the system when the queue has passed its last user.
  void* take(int64_t bytes) override { return Memory::take(bytes); }
  void give(void* block, int64_t bytes) override {
    if (queue_)
      queue_->push(GiveBack{block, bytes});
    else
      Memory::give(block, bytes);
  }
  void settle() override { queue_->settle(); }

  static constexpr int64_t inline_bytes = 4096;

  std::string name_;
  int threads_;
  Runner runner_;
  std::optional<Queue<Runner>> queue_;  // empty while the device is being destroyed
  Pool pool_;
  std::shared_ptr<CommandList<Runner>> recording_;
};

}  // namespace stylear
