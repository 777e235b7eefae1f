// The state of a running block, which the files of the engine share. Not for kernels and tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine.h"

#if defined(__SANITIZE_ADDRESS__)
#define SIMT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMT_ASAN 1
#endif
#endif
#ifdef SIMT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define SIMT_POISON(p, n) __asan_poison_memory_region(p, n)
#define SIMT_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define SIMT_POISON(p, n) ((void)0)
#define SIMT_UNPOISON(p, n) ((void)0)
#endif

namespace stylear::simt {

constexpr unsigned max_threads = 1024, max_warps = 32, max_slots = 8;
constexpr size_t arena_bytes = 512 * 1024, guard_bytes = 128;

inline Error failure(const std::string& sentence) {
  return Error("ERR_DEVICE", "simt: " + sentence);
}

enum class Wait : uint8_t { none, collective, group, barrier, mbarrier, done };

// A cp.async that has been issued and not yet waited for.
struct AsyncCopy {
  void* to;
  const void* from;
  unsigned bytes, source_bytes;
  bool done;
};

struct Warp;

// One CUDA thread of the running block. What every switch touches lies in one line of the cache.
struct alignas(64) Fiber {
  Ids ids;  // first: `current` points here
  void* sp = nullptr;
  Warp* warp = nullptr;
  Wait wait = Wait::none;
  int barrier = 0;
  const void* object = nullptr;  // the mbarrier it waits for
  char* stack = nullptr;
  void* fake = nullptr;               // AddressSanitizer's handle of this fiber
  const char *what = "", *file = "";  // where it waits, unless in a collective of its warp
  int line = 0;
  std::vector<AsyncCopy> copies;  // not yet complete, oldest first
  std::vector<size_t> groups;     // number of copies before each commit, relative to copies[0]
};

// A warp-wide operation that some lanes have reached.
struct Collective {
  uint32_t mask = 0, arrived = 0;
  WarpFunction together = nullptr;
  const char *what = "", *file = "";
  int line = 0;
  void* args[32];
};
struct alignas(64) Warp {
  uint32_t exist = 0, ready = 0, done = 0;  // a bit per lane
  uint32_t slots_used = 0;                  // a bit per slot
  Collective slot[max_slots];
};
struct Group {  // a warpgroup of four warps
  unsigned arrived = 0;
  GroupFunction together = nullptr;
  void* args[128];
};
struct Barrier {
  unsigned arrived = 0, count = 0, sum = 0;
  const char* file = nullptr;
  int line = 0;
};
// A variable in shared memory.
struct Region {
  const void* key;
  char* p;
  size_t bytes;
  const char* name;
};

// The last use of a byte of shared memory: thread, its clock, and where. Clock 0: none.
struct Epoch {
  uint16_t thread;
  uint32_t clock, pc;
};
struct Cell {
  Epoch write, read[4];  // the last write and up to four reads since
  Epoch stored;      // the last ordinary store, which asynchronous instructions see only after a
                     // proxy fence of its thread
  uint16_t pending;  // 1 + the thread of a copy in flight
};

struct AsyncState;  // mbarriers and wgmma of the block (async_state.h)
void async_free(AsyncState* state);

// What STYLEAR_SIMT_ORDER, _ASYNC, _SEED and _WORKERS say.
Options options_from_environment();

// What kernels and host code find of the emulated GPU.
struct GpuTraits {
  int compute_capability;  // STYLEAR_SIMT_COMPUTE: 80 unless told, 89 or 90
  int multiprocessors;     // few, so that small shapes already fill them
  size_t shared_bytes;     // that a block may have
};
GpuTraits gpu_from_environment();

// An OS thread and the block it runs.
struct Worker {
  Options opt;
  const Launch* launch = nullptr;
  unsigned threads = 0, warps = 0, alive = 0;
  unsigned result = 0;  // of the last barrier's reduction
  std::unique_ptr<Fiber[]> fibers{new Fiber[max_threads]};
  Warp warp[max_warps];
  Group group[max_warps / 4];
  uint32_t warps_ready = 0;  // a bit per warp with a ready lane
  Barrier barrier[16];
  uint64_t rng = 1;
  Stats counted{};
  bool failed = false;
  std::string error;

  // the stacks of the fibers, and the OS thread's own context
  char* stacks = nullptr;
  size_t stack_bytes = 0, stack_pitch = 0;
  void* main_sp = nullptr;
  // Of a fiber that never runs again. No variable of the function that leaves it: the address
  // sanitizer would mark the memory around that one, and nothing would clear the marks.
  void* dead_sp = nullptr;
  void* main_fake = nullptr;
  const void* main_bottom = nullptr;
  size_t main_size = 0;

  // shared memory
  char* arena = nullptr;
  size_t arena_used = 0, shared_total = 0;
  char* dynamic = nullptr;
  std::vector<Region> statics, carved;

  // race build
  std::vector<Cell> cells;            // one per byte of the arena
  std::vector<uint8_t> written;       // whether that byte has been, in this block
  std::vector<uint32_t> seen;         // [threads][threads]: clocks ordered before each thread
  std::vector<uint32_t> clock, base;  // base: what the last barrier of the whole block ordered
  std::vector<uint32_t> proxy;        // clock at a thread's last fence.proxy.async
  std::vector<bool> acquired;         // blocks of this launch that are ordered before this one

  AsyncState* async = nullptr;

  ~Worker();
  uint64_t random() {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
  }
};
extern __thread Worker* worker __attribute__((tls_model("initial-exec")));

inline Fiber* self() { return reinterpret_cast<Fiber*>(current); }
inline bool in_arena(const void* p) {
  return worker && p >= worker->arena && p < worker->arena + arena_bytes;
}

}  // namespace stylear::simt
