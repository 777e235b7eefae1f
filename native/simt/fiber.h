// Fibers: the threads of the running block.
#pragma once

#include "state.h"

// Keeps where this fiber is in `save` and goes on at `to`.
extern "C" void simt_switch(void** save, void* to);

namespace stylear::simt {

// Makes `worker`'s stacks, one for each thread a block may have.
void map_stacks();
// A fiber that will start the kernel from its beginning, as thread `i` of the block.
void prepare_fiber(Fiber* f, unsigned i);

// Keeps where this is in `sp`, and the address sanitizer's handle of it in `fake`, and goes on in
// `to`.
inline void switch_to(Fiber* to, void** sp, [[maybe_unused]] void** fake) {
  current = &to->ids;
#ifdef SIMT_ASAN
  __sanitizer_start_switch_fiber(fake, to->stack, worker->stack_bytes);
#endif
  simt_switch(sp, to->sp);
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(*fake, nullptr, nullptr);
#endif
}
inline void switch_fiber(Fiber* from, Fiber* to) {
  ++worker->counted.switches;
  switch_to(to, &from->sp, &from->fake);
}
// From the OS thread into the block; returns when leave_block is called.
void enter_block(Fiber* first);
[[noreturn]] void leave_block();
// Like switch_fiber, from a fiber that never runs again.
[[noreturn]] void leave_for(Fiber* to);

}  // namespace stylear::simt
