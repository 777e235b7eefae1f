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

  char* take() {
    std::unique_lock guard(mutex_);
    if (free_.empty() && all_.size() < most_chunks) {
      void* chunk = nullptr;
      check_cuda(cudaHostAlloc(&chunk, chunk_bytes, cudaHostAllocPortable), "pinned memory");
      all_.push_back(static_cast<char*>(chunk));
      return all_.back();
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
