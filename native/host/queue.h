// One thread that performs commands in the order in which they were pushed. Pushing never waits
// and, but for a new chunk now and then, allocates nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "commands.h"
#include "relax.h"

namespace stylear {

// All calls but those of `Runner` come from one thread. The tasks' destructors run after they were
// performed, on the queue's thread.
template <class Runner>
class Queue {
 public:
  explicit Queue(Runner& runner)
      : runner_(runner), writing_(new Chunk), reading_(writing_), thread_([this] { serve(); }) {}

  // Performs what was pushed and stops.
  ~Queue() {
    stopping_.store(true);
    wake();
    thread_.join();
    delete reading_;
    delete spare_;
  }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // `more` bytes behind the task are for the caller to fill in `fill(Task&, char* more)`.
  template <class Task, class Fill>
  void push(Task&& task, size_t more, Fill&& fill) {
    using Plain = std::decay_t<Task>;
    const uint32_t bytes = Command<Runner>::size(sizeof(Plain) + more);
    static_assert(sizeof(Plain) <= chunk_bytes / 4 && alignof(Plain) <= Command<Runner>::alignment);
    const uint32_t used = writing_->committed.load(std::memory_order_relaxed);
    if (used + bytes > chunk_bytes) {
      add_chunk();
      push(std::forward<Task>(task), more, std::forward<Fill>(fill));
      return;
    }
    auto* command = new (writing_->bytes + used) Command<Runner>{[](Runner& runner, void* at) {
                                                                   Plain& plain =
                                                                       *static_cast<Plain*>(at);
                                                                   runner.perform(plain);
                                                                   plain.~Plain();
                                                                 },
                                                                 bytes};
    auto* placed = new (command->task()) Plain(std::forward<Task>(task));
    fill(*placed, reinterpret_cast<char*>(placed + 1));
    ++pushed_;
    writing_->committed.store(used + bytes);
    if (asleep_.load()) wake();
  }
  template <class Task>
  void push(Task&& task) {
    push(std::forward<Task>(task), 0, [](auto&, char*) {});
  }

  // True when everything pushed so far is finished.
  bool idle() const { return performed_.load(std::memory_order_acquire) == pushed_; }
  // Waits for that.
  void settle() const {
    while (!spin_until(100, [&] { return idle(); })) std::this_thread::yield();
  }

 private:
  static constexpr uint32_t chunk_bytes = 64 << 10;
  struct Chunk {
    std::atomic<uint32_t> committed{0};
    std::atomic<Chunk*> next{nullptr};
    alignas(Command<Runner>::alignment) char bytes[chunk_bytes];
  };

  void wake() {
    asleep_.store(0);
    asleep_.notify_one();
  }

  void add_chunk() {
    Chunk* chunk = nullptr;
    {
      const std::lock_guard lock(spare_lock_);
      chunk = std::exchange(spare_, nullptr);
    }
    if (!chunk) chunk = new Chunk;
    writing_->next.store(chunk, std::memory_order_release);
    writing_ = chunk;
  }

  void keep_spare(Chunk* chunk) {
    chunk->committed.store(0, std::memory_order_relaxed);
    chunk->next.store(nullptr, std::memory_order_relaxed);
    const std::lock_guard lock(spare_lock_);
    delete std::exchange(spare_, chunk);
  }

  void serve() {
    uint32_t at = 0;
    const auto more = [&] {
      return reading_->committed.load() != at || reading_->next.load() || stopping_.load();
    };
    for (;;) {
      while (!spin_until(spins, more)) {
        asleep_.store(1);
        if (!more()) asleep_.wait(1);
        asleep_.store(0);
      }
      const bool stopping = stopping_.load();  // before looking for the last commands
      Chunk* next = reading_->next.load(std::memory_order_acquire);
      const uint32_t end = reading_->committed.load(std::memory_order_acquire);
      while (at < end) {
        auto* command = reinterpret_cast<Command<Runner>*>(reading_->bytes + at);
        at += command->bytes;
        command->perform(runner_, command->task());
        performed_.store(performed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
      }
      if (next) {
        keep_spare(std::exchange(reading_, next));
        at = 0;
      } else if (stopping) {
        return;
      }
    }
  }

  // About 20 us: an eager caller's next op comes sooner than that.
  static constexpr int spins = 400;

  Runner& runner_;
  alignas(64) Chunk* writing_;
  uint64_t pushed_ = 0;
  alignas(64) Chunk* reading_;
  std::atomic<uint64_t> performed_{0};
  alignas(64) std::atomic<int> asleep_{0};
  std::atomic<bool> stopping_{false};
  std::mutex spare_lock_;
  Chunk* spare_ = nullptr;
  std::thread thread_;
};

}  // namespace stylear
