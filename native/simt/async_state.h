// The asynchronous instructions that a block has under way.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "async.h"
#include "state.h"

namespace stylear::simt {

struct BulkCopy {
  void* to;
  const TensorMap* map;
  uint64_t* barrier;
  int at[5];
  unsigned thread;
  uint32_t clock;
};
struct Mbarrier {
  unsigned count = 0, pending = 0, phase = 0;
  long long bytes = 0;  // expected minus arrived
  // What is ordered before the end of the present phase, and of the last complete one.
  std::vector<uint32_t> order, done_order;
  std::vector<BulkCopy> copies;
};
struct PendingWgmma {
  Wgmma w[128];
  bool done = false;
};
struct Warpgroup {
  std::vector<std::unique_ptr<PendingWgmma>> ops;  // issued, oldest first
  std::vector<size_t> groups;                      // number of ops before each commit
};
struct AsyncState {
  std::unordered_map<const void*, Mbarrier> barriers;
  Warpgroup groups[max_warps / 4];
};

AsyncState& async_state();  // of the running block
void async_reset();         // at its start
void async_check_end();     // at its end
bool async_at_once();       // whether the next operation happens at its issue

// Lets the current fiber wait for an object, and those who wait for it go on.
void block_on(const void* object, const char* what, const char* file, int line);
void wake(const void* object);

}  // namespace stylear::simt
