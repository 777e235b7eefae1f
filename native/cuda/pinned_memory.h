// Pinned host memory that copies to and from the GPU pass through, in chunks of one size: copies
// from and to pageable memory would make the caller wait.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "gpu.h"

namespace stylear::cuda {

class PinnedMemory {
 public:
  static constexpr int64_t chunk_bytes = 4 << 20;
  static constexpr size_t most_chunks = 64;  // under way at once; whoever needs more waits

  PinnedMemory() = default;
  PinnedMemory(const PinnedMemory&) = delete;
  ~PinnedMemory() {
    for (char* chunk : all_) cudaFreeHost(chunk);
  }

  // Where the system refuses more, it waits for one of those under way. `let_go` is called before,
  // to give back what the caller holds and nothing is to come of. Throws ERR_OUT_OF_MEMORY where
  // there is none.
  template <class LetGo>
  char* take(LetGo&& let_go) {
    std::unique_lock guard(mutex_);
    if (free_.empty() && all_.size() < most_chunks) {
      void* chunk = nullptr;
      const cudaError_t status = cudaHostAlloc(&chunk, chunk_bytes, cudaHostAllocPortable);
      if (status == cudaSuccess) {
        all_.push_back(static_cast<char*>(chunk));
        return all_.back();
      }
      if (status != cudaErrorMemoryAllocation || all_.empty()) check_cuda(status, "pinned memory");
      cudaGetLastError();  // not an error of later launches
      guard.unlock();
      let_go();
      guard.lock();
    }
    given_.wait(guard, [this] { return !free_.empty(); });
    char* chunk = free_.back();
    free_.pop_back();
    return chunk;
  }

  void give(char* chunk) {
    {
      const std::lock_guard guard(mutex_);
      free_.push_back(chunk);
    }
    given_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable given_;
  std::vector<char*> all_, free_;
};

}  // namespace stylear::cuda
