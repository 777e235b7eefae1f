// Barriers as the scheduler sees them.
#pragma once

#include "state.h"

namespace stylear::simt {

// Lets everybody who waits at barrier `id` go on.
void barrier_release(Barrier& b, int id);

}  // namespace stylear::simt
