// Shared variables, cp.async, and the heap of global memory.
#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "../cuda/gpu.h"
#include "check.h"

namespace stylear::simt {

Worker::~Worker() {
  if (stacks) munmap(stacks, stack_pitch * max_threads);
  if (arena) {
    SIMT_UNPOISON(arena, arena_bytes);
    std::free(arena);
  }
  async_free(async);
}

void arena_reset() {
  if (!worker->arena) {
    if (posix_memalign(reinterpret_cast<void**>(&worker->arena), 1024, arena_bytes))
      throw failure("out of memory");
  }
  SIMT_UNPOISON(worker->arena, arena_bytes);
  std::memset(
      worker->arena, 0xff,
      std::max(worker->arena_used,
               worker->launch->shared + 2 * guard_bytes));  // NaN in fp32 and bf16, -1 in integers
  SIMT_POISON(worker->arena, arena_bytes);
  worker->arena_used = 0;
  worker->shared_total = 0;
  worker->statics.clear();
  worker->carved.clear();
  worker->dynamic = nullptr;
}
namespace {
char* arena_take(size_t bytes, size_t align, size_t congruent = 0, size_t modulo = 1) {
  size_t at = (worker->arena_used + guard_bytes + align - 1) / align * align;
  while (at % modulo != congruent % modulo) ++at;
  if (at + bytes + guard_bytes > arena_bytes) fail("the emulator's arena is full");
  if (at + bytes > worker->arena_used) {
    SIMT_UNPOISON(worker->arena + at, bytes);
    std::memset(worker->arena + at, 0xff, bytes);
  }
  check_region(at, bytes);
  worker->arena_used = at + bytes;
  return worker->arena + at;
}
void account(size_t bytes) {
  worker->shared_total += bytes;
  const size_t arrays = worker->shared_total, dynamic = worker->launch->shared;
  if (arrays + dynamic > worker->opt.max_shared)
    fail("block needs %zu bytes of shared memory, the limit is %zu", arrays + dynamic,
         worker->opt.max_shared);
  // What `launch` does on the GPU (cuda/gpu.h).
  if (cuda::asks_for_shared(dynamic)) {
    if (arrays > cuda::small_shared_arrays)
      fail("%zu bytes of shared arrays beside dynamic memory that is asked for, the limit is %zu",
           arrays, cuda::small_shared_arrays);
  } else if (arrays + dynamic > cuda::unasked_shared_bytes) {
    fail("block needs %zu bytes of shared memory and has not asked for more than %zu",
         arrays + dynamic, cuda::unasked_shared_bytes);
  }
}
}  // namespace

void complete_copies(Fiber* f, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    AsyncCopy& c = f->copies[i];
    if (!c.done) {
      if (c.source_bytes) std::memcpy(c.to, c.from, c.source_bytes);
      if (c.source_bytes < c.bytes)
        std::memset(static_cast<char*>(c.to) + c.source_bytes, 0, c.bytes - c.source_bytes);
    }
    check_copy_done(c.to, c.bytes, f->ids.linear, race_build() ? worker->clock[f->ids.linear] : 0,
                    true);
  }
  f->copies.erase(f->copies.begin(), f->copies.begin() + long(count));
}

Heap& heap() {
  static Heap& heap = *new Heap;  // a process may end amid a launch
  return heap;
}

void* shared_static(const void* key, size_t bytes, size_t align, const char* name) {
  for (auto& r : worker->statics)
    if (r.key == key) return r.p;
  account(bytes);
  char* p = arena_take(bytes, std::max<size_t>(align, 16));
  worker->statics.push_back({key, p, bytes, name});
  return p;
}
void* shared_dynamic() {
  if (!worker->dynamic) {
    account(0);
    worker->dynamic = arena_take(std::max<size_t>(worker->launch->shared, 1), 1024);
    if (!worker->launch->shared) SIMT_POISON(worker->dynamic, 1);
  }
  return worker->dynamic;
}
size_t shared_dynamic_bytes() { return worker->launch->shared; }
void* shared_carve(unsigned index, size_t offset, size_t bytes, size_t align) {
  if (index < worker->carved.size()) {
    if (worker->carved[index].bytes != bytes)
      fail("threads disagree about the layout of shared memory (region %u)", index);
    return worker->carved[index].p;
  }
  if (offset + bytes > worker->launch->shared)
    fail("shared region %u needs bytes %zu to %zu, but the launch gave %zu", index, offset,
         offset + bytes, worker->launch->shared);
  char* p = arena_take(bytes, std::max<size_t>(align, 16), offset,
                       1024);  // same bank and swizzle phase as on the GPU
  worker->carved.push_back({nullptr, p, bytes, nullptr});
  return p;
}
uint32_t shared_offset(const void* p) {
  if (!in_arena(p)) fail("the address is not in shared memory");
  return uint32_t(static_cast<const char*>(p) - worker->arena);
}
void* shared_pointer(uint32_t o) { return worker->arena + o; }

void cp_async(void* dst, const void* src, unsigned bytes, unsigned src_bytes) {
  Fiber* f = self();
  if (bytes != 4 && bytes != 8 && bytes != 16) fail("cp.async of %u bytes", bytes);
  if (!in_arena(dst)) fail("cp.async: destination is not in shared memory");
  if (reinterpret_cast<uintptr_t>(dst) % bytes || reinterpret_cast<uintptr_t>(src) % bytes)
    fail("cp.async: misaligned address");
  if (src_bytes > bytes) fail("cp.async: source size exceeds copy size");
#ifdef SIMT_ASAN
  if (src_bytes && __asan_region_is_poisoned(const_cast<void*>(src), src_bytes))
    fail("cp.async: source out of bounds");
  if (__asan_region_is_poisoned(dst, bytes)) fail("cp.async: destination out of bounds");
#endif
  ++worker->counted.cp_async;
  if (src_bytes) global_read(src, src_bytes);
  AsyncCopy c{dst, src, bytes, src_bytes, false};
  check_copy_issued(dst, bytes);
  bool early = worker->opt.async == Async::early ||
               (worker->opt.async == Async::random && (worker->random() & 1));
  if (early) {
    if (src_bytes) std::memcpy(dst, src, src_bytes);
    if (src_bytes < bytes) std::memset(static_cast<char*>(dst) + src_bytes, 0, bytes - src_bytes);
    c.done = true;
  }
  f->copies.push_back(c);
}
void cp_async_commit() {
  Fiber* f = self();
  f->groups.push_back(f->copies.size());
}
void cp_async_wait(unsigned pending) {
  Fiber* f = self();
  if (f->groups.size() <= pending) return;
  size_t complete = f->groups.size() - pending, copies = f->groups[complete - 1];
  complete_copies(f, copies);
  f->groups.erase(f->groups.begin(), f->groups.begin() + long(complete));
  for (size_t& g : f->groups) g -= copies;
}

void* device_alloc(size_t bytes) {
  Heap& h = heap();
  std::lock_guard g(h.mutex);
  if (!h.base) {
    void* r =
        mmap(nullptr, Heap::size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r == MAP_FAILED) throw failure("cannot reserve the device heap");
    h.base = h.next = static_cast<char*>(r);
  }
  size_t used = (std::max<size_t>(bytes, 1) + 255) / 256 * 256, data = (used + 4095) / 4096 * 4096;
  if (h.next + data + 8192 > h.base + Heap::size) throw failure("the device heap is exhausted");
  char* map = h.next + 4096;  // an unmapped page on either side
  if (mprotect(map, data, PROT_READ | PROT_WRITE)) throw failure("out of memory");
  h.next += data + 4096;
  char* p = map + data - used;  // 256-byte aligned, close to the end of the page
  std::memset(map, 0xff, data);
  SIMT_POISON(map, data);
  SIMT_UNPOISON(p, bytes);
  h.live[p] = {p, bytes, map, data, {}};
  return p;
}
void device_free(void* q) {
  if (!q) return;
  Heap& h = heap();
  std::lock_guard g(h.mutex);
  auto it = h.live.find(static_cast<char*>(q));
  if (it == h.live.end()) throw failure("device_free of something that was not allocated");
  Allocation& a = it->second;
  SIMT_UNPOISON(a.map, a.map_bytes);
  madvise(a.map, a.map_bytes, MADV_DONTNEED);
  mprotect(a.map, a.map_bytes, PROT_NONE);  // the addresses are not used again
  h.live.erase(it);
}

}  // namespace stylear::simt
