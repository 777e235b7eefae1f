// The execution model of CUDA on the CPU, as the emulated names (builtins.h), the instructions
// (instructions.h, async.h) and the launches (cuda/gpu.h) call it. Every CUDA thread is a fiber; a
// block runs on one OS thread; the blocks of a grid are spread over OS threads. A fiber runs until
// it reaches a barrier or a warp collective that is not complete, then the next one runs.
//
// Whatever goes wrong in a kernel is thrown by its launch as an Error that names the kernel, the
// block, the threads and the source lines; the next launch works again.
#pragma once

#if defined(__CUDACC__)
#error "native/simt is the emulation; nvcc has the CUDA headers"
#endif

#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../core/error.h"

// Engine code in headers stays invisible to the access hooks of the race build.
#define SIMT_OPAQUE __attribute__((noinline, no_sanitize("thread")))
// The source line of a caller, as two trailing parameters.
#define SIMT_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace stylear::simt {

// What device code may ask about its own thread. `current` is that of the running fiber, or null
// outside kernels.
struct Ids {
  uint3 thread;
  unsigned lane, warp, linear;
};
extern __thread Ids* current __attribute__((tls_model("initial-exec")));

// And about its block.
struct BlockIds {
  uint3 block;
  dim3 block_dim, grid_dim;
};
extern __thread BlockIds current_block __attribute__((tls_model("initial-exec")));

enum class Order { forward, reverse, random };  // which ready fiber runs next
enum class Async { late, early, random };       // when cp.async and bulk copies really happen

struct Options {
  Order order = Order::forward;
  Async async = Async::late;
  uint64_t seed = 1;
  unsigned workers = 0;            // OS threads; 0: one per CPU
  size_t stack_bytes = 0;          // per fiber; 0: 64 KiB (256 KiB under AddressSanitizer)
  size_t max_shared = 227 * 1024;  // what a block may have on sm_90
  bool strict_barriers = true;     // all threads of a barrier must come from one source line
};
// The defaults come from STYLEAR_SIMT_ORDER (forward, reverse, random), STYLEAR_SIMT_ASYNC (late,
// early, random), STYLEAR_SIMT_SEED and STYLEAR_SIMT_WORKERS.
Options& options();

// Counted over the last launch.
struct Stats {
  uint64_t blocks, switches, barriers, collectives, mma, ldmatrix, ldmatrix_conflicts, cp_async;
  uint64_t wgmma, bulk_bytes, checked_accesses;
};
const Stats& last_stats();
Stats& stats();  // of the running block

// True if this program checks every access of a kernel (see race_hooks.cc).
bool race_build();

// Ends the running launch with this sentence.
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// ---- collectives. Every lane of `mask` calls; the last one to arrive runs `together` for all.
using WarpFunction = void (*)(void* const* args, uint32_t mask);
void warp_collective(uint32_t mask, WarpFunction together, void* arg, const char* what,
                     const char* file, int line);
using GroupFunction = void (*)(void* const* args);  // the 128 lanes of a warpgroup
void group_collective(GroupFunction together, void* arg, const char* what, const char* file,
                      int line);

enum class Reduce { count, all, any };
void block_barrier(int id, int threads, const char* what, const char* file, int line);
int block_barrier_reduce(int predicate, Reduce kind, const char* file, int line);
void syncwarp(uint32_t mask, const char* file, int line);
void yield();  // inside spin loops only

// ---- shared memory. Every variable lies between guard zones, at an address that agrees with the
// GPU's modulo 1024 bytes, and starts out filled with 0xff bytes: NaN in f32 and bf16.
void* shared_static(const void* key, size_t bytes, size_t align, const char* name);
void* shared_dynamic();
void* shared_carve(unsigned index, size_t offset, size_t bytes, size_t align);
uint32_t shared_offset(const void* p);  // the 32-bit shared address of a pointer, checked
void* shared_pointer(uint32_t offset);
void shared_read(const void* p, unsigned bytes);  // an access by an emulated instruction
void shared_written(const void* p, unsigned bytes);

// ---- global memory. Each allocation lies between unmapped pages and is filled with 0xff bytes;
// the race build checks every access of a kernel against it. Other host memory is not watched.
void* device_alloc(size_t bytes);
void device_free(void* p);
void global_read(const void* p, unsigned bytes);  // an access by an emulated instruction
void global_written(const void* p, unsigned bytes);

// Alignment and bounds of an atomic access at `p`, for the race build also its order; `pc` is where
// the kernel is.
void atomic_touch(const void* p, unsigned bytes, const void* pc);
void thread_fence();

// ---- asynchronous copies of a thread (cp.async)
void cp_async(void* to, const void* from, unsigned bytes, unsigned source_bytes);
void cp_async_commit();
void cp_async_wait(unsigned pending_groups);

// ---- launch
struct Launch {
  dim3 grid, block;
  size_t shared;
  void (*invoke)(const void* packed);
  const void* packed;
  const void* code;  // the kernel, for messages
};
void run(const Launch& launch);

// Where launches wait for their turn; they throw when they run.
class LaunchQueue {
 public:
  virtual ~LaunchQueue() = default;
  virtual void push_launch(std::function<void()> launch) = 0;
};

// Into `queue`, or at once where it is null.
template <class... P, class... A>
void launch_into(LaunchQueue* queue, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                 A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "wrong number of kernel arguments");
  static_assert((std::is_trivially_copyable_v<std::remove_cv_t<P>> && ...),
                "kernel arguments must be trivially copyable");
  static_assert((std::size_t{0} + ... + sizeof(P)) <= 4096, "kernel arguments exceed 4 KiB");
  struct Packed {
    void (*function)(P...);
    std::tuple<std::remove_cv_t<P>...> args;
  } packed{kernel, {static_cast<std::remove_cv_t<P>>(std::forward<A>(args))...}};
  const auto begin = [=] {
    run({grid, block, shared,
         [](const void* p) {
           const auto* k = static_cast<const Packed*>(p);
           std::apply(k->function, k->args);
         },
         &packed, reinterpret_cast<const void*>(packed.function)});
  };
  if (queue)
    queue->push_launch(begin);
  else
    begin();
}
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A&&... args) {
  launch_into(nullptr, kernel, grid, block, shared, std::forward<A>(args)...);
}

}  // namespace stylear::simt
