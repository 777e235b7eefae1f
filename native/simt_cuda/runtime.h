// The state of the emulated CUDA runtime, and what tests may ask of it.
//
// It is stricter than CUDA where CUDA is undefined or forgiving: freeing what a command still
// needs, copies from memory that is not pinned, destroying what is in use, and leaving anything
// behind when the last stream goes end the process with a sentence on stderr.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "cuda_runtime.h"

namespace stylear::simt_cuda {

// The program has used the runtime wrongly: says so and aborts.
[[noreturn]] void misuse(const std::string& sentence);

// One per process, as CUDA's context of a GPU.
class Context {
 public:
  // ---- for tests
  std::atomic<int64_t> memory_bytes;             // how much cudaMalloc may give in all
  std::atomic<int64_t> calls_until_refusal{0};   // counts allocations and instantiations of graphs
                                                 // down to one that finds no memory; 0: none
  std::atomic<int64_t> refusals{1};              // as many in a row do
  std::atomic<int64_t> refusals_left{0};         // of those that have begun
  std::atomic<int64_t> commands_until_death{0};  // counts commands down to one that fails; 0: none
  std::atomic<int64_t> launches_until_refusal{0};  // counts launches down to one that CUDA refuses
  // What a new process would find.
  void revive();

  // ---- errors. After a command has failed every call returns that failure.
  cudaError_t result(cudaError_t status);  // notes a failure as the calling thread's last error
  cudaError_t last_error();
  void die(const std::string& reason);
  bool dead() const { return dead_; }
  const char* reason() const { return reason_.c_str(); }
  // Before a launch is enqueued: whether CUDA refuses it.
  bool refuses_launch();
  // Before a command runs: throws where a test wants it to fail.
  void count_command();

  // ---- memory
  enum class Kind { device, host };
  cudaError_t allocate(void** block, size_t bytes, Kind kind);
  void free(void* block, Kind kind);
  // Is [at, at + bytes) within one live block of this kind?
  bool holds(const void* at, size_t bytes, Kind kind);
  bool refuses_memory();

  // ---- what exists: a leak if it does when the last stream goes
  std::atomic<int> streams{0}, events{0}, graphs{0}, strict_captures{0};
  void stream_gone();

  Context();

 private:
  struct Block {
    size_t bytes;
    Kind kind;
  };
  std::mutex mutex_;
  std::map<const char*, Block> blocks_;
  int64_t used_bytes_ = 0;
  std::atomic<bool> dead_{false};
  std::string reason_;
};

Context& context();

}  // namespace stylear::simt_cuda
