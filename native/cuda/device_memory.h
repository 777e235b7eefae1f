// Memory of the GPU behind the pool: large blocks each of their own, small ones cut from slabs,
// since cudaMalloc takes a tenth of a millisecond and never less than a page of 2 MiB.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>

#include "gpu.h"

namespace stylear::cuda {

// Not thread-safe. Blocks are free for others as soon as they are given back.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  ~DeviceMemory() {
    for (const auto& [block, bytes] : large_) cudaFree(block);
    for (const auto& [begin, slab] : slabs_) cudaFree(begin);
  }

  // Null when there is none. Throws when the GPU has failed.
  void* take(int64_t bytes) {
    if (bytes > slab_bytes / 16) return take_large(bytes);
    Slab* slab = current_ ? &slabs_[current_] : nullptr;
    if (!slab || slab->used + bytes > slab_bytes) {
      void* begin = nullptr;
      if (!allocated(cudaMalloc(&begin, slab_bytes))) return nullptr;
      drop_if_empty(current_, begin);
      current_ = static_cast<char*>(begin);
      slab = &slabs_[current_];
    }
    char* block = current_ + slab->used;
    slab->used += (bytes + 255) / 256 * 256;
    ++slab->blocks;
    return block;
  }

  void give(void* block) {
    if (large_.erase(block)) {
      cudaFree(block);
      return;
    }
    const auto found = std::prev(slabs_.upper_bound(static_cast<char*>(block)));
    if (--found->second.blocks > 0) return;
    found->second.used = 0;
    drop_if_empty(found->first, current_);
  }

 private:
  struct Slab {
    int64_t used = 0, blocks = 0;
  };
  static constexpr int64_t slab_bytes = 16 << 20;

  // False where there is no memory; throws for any other failure, such as that of a kernel before.
  static bool allocated(cudaError_t status) {
    if (status != cudaErrorMemoryAllocation) check_cuda(status, "memory");
    if (status != cudaSuccess) cudaGetLastError();  // not an error of later launches
    return status == cudaSuccess;
  }

  void* take_large(int64_t bytes) {
    void* block = nullptr;
    if (!allocated(cudaMalloc(&block, static_cast<size_t>(bytes)))) return nullptr;
    large_[block] = bytes;
    return block;
  }

  void drop_if_empty(char* slab, void* kept) {
    if (!slab || slab == kept || slabs_[slab].blocks > 0) return;
    cudaFree(slab);
    slabs_.erase(slab);
  }

  std::map<char*, Slab> slabs_;
  std::unordered_map<void*, int64_t> large_;
  char* current_ = nullptr;  // the slab that new blocks are cut from
};

}  // namespace stylear::cuda
