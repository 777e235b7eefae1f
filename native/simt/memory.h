// Shared variables of the running block, and the heap of global memory.
#pragma once

#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "state.h"

namespace stylear::simt {

// An empty arena, for a new block.
void arena_reset();
// Carries out the first `count` of the copies that `f` has under way.
void complete_copies(Fiber* f, size_t count);

// The last use of a byte of global memory. Clock 0: none.
struct Use {
  uint32_t block, clock, pc;
  uint16_t thread;
};
struct ByteUses {
  Use write, read;
  uint32_t launch;  // the uses of an earlier launch do not count
};
struct Allocation {
  char* p;
  size_t bytes;
  char* map;
  size_t map_bytes;
  std::vector<ByteUses> uses;  // made by the first checked access
};
// Addresses are handed out once, so that a use after free hits an unmapped page.
struct Heap {
  static constexpr size_t size = size_t{1} << 40;
  std::mutex mutex;
  char *base = nullptr, *next = nullptr;
  std::map<const char*, Allocation> live;
  uint32_t launch = 0;
  std::unordered_map<const void*, std::vector<bool>> released;  // blocks ordered before an atomic

  bool owns(const void* p) const { return base && p >= base && p < base + size; }
  Allocation* find(const char* p) {
    auto it = live.upper_bound(p);
    if (it == live.begin()) return nullptr;
    Allocation& a = std::prev(it)->second;
    return p < a.p + a.bytes ? &a : nullptr;
  }
};
Heap& heap();

}  // namespace stylear::simt
