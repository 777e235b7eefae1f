// Memory of a device that computes on the host. Large blocks lie on huge pages where the system has
// them: streaming weights through 4 KiB pages costs a fifth of the bandwidth.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace stylear {

inline constexpr int64_t huge_page_bytes = 2 << 20;

// Aligned to 256 bytes, from huge_page_bytes on to a huge page. Null when there is none.
inline void* take_host_memory(int64_t bytes) {
  if (bytes < huge_page_bytes) return std::aligned_alloc(256, static_cast<size_t>(bytes));
  const auto size = static_cast<size_t>(bytes), slack = static_cast<size_t>(huge_page_bytes);
  void* mapped = mmap(nullptr, size + slack, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* begin = static_cast<char*>(mapped);
  const size_t before = (slack - reinterpret_cast<uintptr_t>(begin) % slack) % slack;
  const size_t end = (before + size + 4095) / 4096 * 4096;
  if (before) munmap(begin, before);
  if (end < size + slack) munmap(begin + end, size + slack - end);
  madvise(begin + before, size, MADV_HUGEPAGE);
  return begin + before;
}

inline void give_host_memory(void* block, int64_t bytes) {
  if (bytes < huge_page_bytes)
    std::free(block);
  else
    munmap(block, (static_cast<size_t>(bytes) + 4095) / 4096 * 4096);
}

// Gives what the small blocks that are free again took back to the system, which `free` does not.
inline void give_back_small_blocks() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

// Where a HostDevice has its memory from; an emulated GPU has its own.
struct HostMemory {
  static constexpr bool reused = true;  // whether a released block may be handed out again
  static void* take(int64_t bytes) { return take_host_memory(bytes); }
  static void give(void* block, int64_t bytes) { give_host_memory(block, bytes); }
  static void give_rest() { give_back_small_blocks(); }
};

}  // namespace stylear
