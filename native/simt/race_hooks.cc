// Accesses as they are announced: by emulated instructions in every build, and in the race build
// (SIMT_RACE) by the compiler. There the kernel files, and only they, are compiled with
// -fsanitize=thread, which makes the compiler call a function for every load and store. The library
// is linked without that flag; the functions are the ones at the end of this file, and nothing of
// the ThreadSanitizer runtime is used.
#include "check.h"
#include "memory.h"

namespace stylear::simt {

#ifdef SIMT_RACE
bool race_build() { return true; }
#else
bool race_build() { return false; }
#endif

namespace {

void shared_by_instruction(const void* p, unsigned bytes, bool write) {
#ifdef SIMT_ASAN
  if (__asan_region_is_poisoned(const_cast<void*>(p), bytes))
    fail("shared memory %s out of bounds by an emulated instruction", write ? "written" : "read");
#endif
  if (!in_arena(p)) fail("the address is not in shared memory");
  if (race_build()) touch_shared(p, bytes, write, 0, false);
}

}  // namespace

void shared_read(const void* p, unsigned bytes) { shared_by_instruction(p, bytes, false); }
void shared_written(const void* p, unsigned bytes) { shared_by_instruction(p, bytes, true); }

void global_read(const void* p, unsigned bytes) {
  if (race_build() && heap().owns(p)) touch_global(p, bytes, false, 0, false);
}
void global_written(const void* p, unsigned bytes) {
  if (race_build() && heap().owns(p)) touch_global(p, bytes, true, 0, false);
}

void thread_fence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

void atomic_touch(const void* p, unsigned bytes, const void* pc) {
  if (reinterpret_cast<uintptr_t>(p) % bytes) fail("misaligned atomic");
  if (!race_build()) return;
  if (in_arena(p))
    touch_shared(p, bytes, true, code_offset(pc), true);
  else if (heap().owns(p))
    touch_global(p, bytes, true, code_offset(pc), true);
}

}  // namespace stylear::simt

#ifdef SIMT_RACE
namespace {

void access(const void* p, unsigned bytes, bool write, bool aligned, const void* pc) {
  using namespace stylear::simt;
  if (!current) return;
  const bool shared = in_arena(p);
  if (!shared && !heap().owns(p)) return;  // stacks, arguments, constants
  const uint32_t at = code_offset(pc);
  if (aligned && reinterpret_cast<uintptr_t>(p) % bytes)
    fail("misaligned: thread %u %s %u bytes at %s", current->linear, write ? "writes" : "reads",
         bytes, source_line(at).c_str());
  if (shared)
    touch_shared(p, bytes, write, at, false);
  else
    touch_global(p, bytes, write, at, false);
}

}  // namespace

#define HOOK(name, bytes, write, aligned) \
  extern "C" void name(void* p) { access(p, bytes, write, aligned, __builtin_return_address(0)); }
#define HOOKS(n)                                  \
  HOOK(__tsan_read##n, n, false, true)            \
  HOOK(__tsan_write##n, n, true, true)            \
  HOOK(__tsan_unaligned_read##n, n, false, false) \
  HOOK(__tsan_unaligned_write##n, n, true, false) \
  HOOK(__tsan_volatile_read##n, n, false, true)   \
  HOOK(__tsan_volatile_write##n, n, true, true)
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_atomic_thread_fence(int) {}
// Reference counts of the standard library, in the host code of such a file.
int __tsan_atomic32_fetch_add(volatile int* p, int value, int) {
  return __atomic_fetch_add(p, value, __ATOMIC_SEQ_CST);
}
void __tsan_read_range(void* p, unsigned long n) {
  access(p, unsigned(n), false, false, __builtin_return_address(0));
}
void __tsan_write_range(void* p, unsigned long n) {
  access(p, unsigned(n), true, false, __builtin_return_address(0));
}
}
#endif
