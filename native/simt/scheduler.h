// Which fiber runs next.
#pragma once

#include "state.h"

namespace stylear::simt {

void set_ready(Fiber* f);
void clear_ready(Fiber* f);
// What `f` waits for, for the report of a deadlock.
void note(Fiber* f, Wait w, const char* what, const char* file, int line);

// The next ready fiber after this lane in the order of the options; null if there is none.
Fiber* pick(unsigned warp, unsigned lane);
void block_current();  // the current fiber is no longer ready: run somebody else
void maybe_switch();   // the current fiber stays ready; others may come first
[[noreturn]] void deadlock();

}  // namespace stylear::simt
