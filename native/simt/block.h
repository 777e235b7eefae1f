// One block of a launch.
#pragma once

#include "state.h"

namespace stylear::simt {

// Runs the block on this OS thread; a failure is left in `worker->error`.
void run_block(const Launch& launch, uint3 index);
// What a fiber does after the kernel has returned.
[[noreturn]] void finish_thread();

}  // namespace stylear::simt
