// Fibers: the threads of the running block.
#pragma once

#include "state.h"

namespace stylear::simt {

// Makes `worker`'s stacks, one for each thread a block may have.
void map_stacks();
// A fiber that will start the kernel from its beginning, as thread `i` of the block.
void prepare_fiber(Fiber* f, unsigned i);

// From the OS thread into the block; returns when leave_block is called.
void enter_block(Fiber* first);
[[noreturn]] void leave_block();
void switch_fiber(Fiber* from, Fiber* to);
// Like switch_fiber, from a fiber that never runs again.
[[noreturn]] void leave_for(Fiber* to);

}  // namespace stylear::simt
