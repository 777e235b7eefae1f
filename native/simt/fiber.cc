// Switching between fibers: saves what the ABI makes the callee keep, and nothing else. A switch
// costs 8 to 14 ns; swapcontext, which saves the signal mask with a system call, about 190 ns.
#include "fiber.h"

#include <sys/mman.h>

#include "block.h"

#if defined(__x86_64__)
// MXCSR and the x87 control word are the same in every fiber.
asm(R"(
.text
.globl simt_switch
.type simt_switch,@function
.p2align 4
simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_switch,.-simt_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl simt_switch
.type simt_switch,@function
.p2align 4
simt_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size simt_switch,.-simt_switch
)");
#endif

namespace stylear::simt {

void leave_block() {
  current = nullptr;
#ifdef SIMT_ASAN
  __sanitizer_start_switch_fiber(nullptr, worker->main_bottom, worker->main_size);
#endif
  simt_switch(&worker->dead_sp, worker->main_sp);
  __builtin_unreachable();
}
void enter_block(Fiber* first) { switch_to(first, &worker->main_sp, &worker->main_fake); }

void leave_for(Fiber* to) {
  ++worker->counted.switches;
  current = &to->ids;
#ifdef SIMT_ASAN
  __sanitizer_start_switch_fiber(nullptr, to->stack, worker->stack_bytes);
#endif
  simt_switch(&worker->dead_sp, to->sp);
  __builtin_unreachable();
}

namespace {
void fiber_main() {
#ifdef SIMT_ASAN
  const void* bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
  if (!worker->main_bottom) {  // the first entry comes from enter_block
    worker->main_bottom = bottom;
    worker->main_size = size;
  }
#endif
  worker->launch->invoke(worker->launch->packed);
  finish_thread();
}
}  // namespace

void map_stacks() {
#ifdef SIMT_ASAN
  constexpr size_t usual = 256 * 1024;
#else
  constexpr size_t usual = 64 * 1024;
#endif
  const size_t want = worker->opt.stack_bytes ? worker->opt.stack_bytes : usual;
  if (worker->stacks && worker->stack_bytes == want) return;
  if (worker->stacks) munmap(worker->stacks, worker->stack_pitch * max_threads);
  worker->stack_bytes = want;
  worker->stack_pitch = want + 4096;
  void* map = mmap(nullptr, worker->stack_pitch * max_threads, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (map == MAP_FAILED) throw failure("cannot map the stacks of the fibers");
  worker->stacks = static_cast<char*>(map);
  for (unsigned i = 0; i < max_threads; ++i)
    mprotect(worker->stacks + i * worker->stack_pitch, 4096, PROT_NONE);
}

void prepare_fiber(Fiber* f, unsigned i) {
  f->stack = worker->stacks + i * worker->stack_pitch + 4096;
  f->copies.clear();
  f->groups.clear();
  f->wait = Wait::none;
  f->fake = nullptr;
  // Neighbouring stacks start at different cache sets; without this every fiber's hot frame maps to
  // the same ones.
  size_t stagger = (size_t(i) * 17 % 64) * 64;
  void** top = reinterpret_cast<void**>(f->stack + worker->stack_bytes - 128 - stagger);
#if defined(__x86_64__)
  --top;             // at a function's entry %rsp is 8 modulo 16
  top[0] = nullptr;  // return address of fiber_main: ends unwinding
  top[-1] = reinterpret_cast<void*>(&fiber_main);
  for (int k = 2; k <= 7; ++k) top[-k] = nullptr;
  f->sp = top - 7;
#else
  void** s = top - 20;
  for (int k = 0; k < 20; ++k) s[k] = nullptr;
  s[11] = reinterpret_cast<void*>(&fiber_main);  // x30
  f->sp = s;
#endif
}

}  // namespace stylear::simt
