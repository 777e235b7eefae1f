// Commands as bytes: each is a header and the task itself, laid one after another into chunks, so
// that enqueueing or recording one is a copy and nothing is allocated for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace stylear {

// `Runner` has a template `void perform(Task&)`.
template <class Runner>
struct Command {
  void (*perform)(Runner& runner, void* task);
  uint32_t bytes;  // header, task and padding; the next command begins there

  static constexpr uint32_t alignment = 16;
  void* task() { return reinterpret_cast<char*>(this) + alignment; }

  static constexpr uint32_t size(size_t task_bytes) {
    return static_cast<uint32_t>((alignment + task_bytes + alignment - 1) / alignment * alignment);
  }
};

// Recorded commands. Their tasks are plain data and may be performed any number of times.
template <class Runner>
class CommandList {
 public:
  template <class Task>
  void push(const Task& task) {
    static_assert(std::is_trivially_copyable_v<Task> && std::is_trivially_destructible_v<Task>);
    const uint32_t bytes = Command<Runner>::size(sizeof(Task));
    if (chunks_.empty() || chunks_.back().used + bytes > chunk_bytes)
      chunks_.push_back({std::make_unique<Storage>(), 0});
    Chunk& chunk = chunks_.back();
    auto* command = new (chunk.storage->bytes + chunk.used) Command<Runner>{
        [](Runner& runner, void* at) { runner.perform(*static_cast<Task*>(at)); }, bytes};
    new (command->task()) Task(task);
    chunk.used += bytes;
  }

  template <class Visit>
  void for_each(Visit&& visit) {
    for (Chunk& chunk : chunks_) {
      for (uint32_t at = 0; at < chunk.used;) {
        auto* command = reinterpret_cast<Command<Runner>*>(chunk.storage->bytes + at);
        at += command->bytes;
        visit(*command);
      }
    }
  }

 private:
  static constexpr uint32_t chunk_bytes = 32 << 10;
  struct Storage {
    alignas(Command<Runner>::alignment) char bytes[chunk_bytes];
  };
  struct Chunk {
    std::unique_ptr<Storage> storage;
    uint32_t used;
  };
  std::vector<Chunk> chunks_;
};

}  // namespace stylear
