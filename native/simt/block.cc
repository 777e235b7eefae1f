// One block from its start to the exit of its last thread.
#include "block.h"

#include "async_state.h"
#include "check.h"
#include "collectives.h"
#include "fiber.h"
#include "memory.h"
#include "scheduler.h"

namespace stylear::simt {

void run_block(const Launch& launch, uint3 index) {
  Worker& w = *worker;
  w.launch = &launch;
  w.threads = launch.block.x * launch.block.y * launch.block.z;
  w.warps = (w.threads + 31) / 32;
  w.alive = w.threads;
  w.warps_ready = 0;
  w.failed = false;
  w.rng = (w.opt.seed + 1) * 0x9e3779b97f4a7c15ull +
          ((uint64_t(index.z) << 20) + index.y) * 0xbf58476d1ce4e5b9ull +
          index.x * 0x94d049bb133111ebull;
  if (!w.rng) w.rng = 1;
  for (Barrier& b : w.barrier) b = Barrier{};
  for (Group& g : w.group) g.arrived = 0;
  for (unsigned i = 0; i < w.warps; ++i) {
    Warp& warp = w.warp[i];
    const unsigned lanes = std::min(32u, w.threads - i * 32);
    warp.exist = lanes == 32 ? ~0u : (1u << lanes) - 1;
    warp.ready = warp.exist;
    warp.done = ~warp.exist;
    warp.slots_used = 0;
    w.warps_ready |= 1u << i;
  }
  current_block = {index, launch.block, launch.grid};
  unsigned i = 0;
  for (unsigned z = 0; z < launch.block.z; ++z)
    for (unsigned y = 0; y < launch.block.y; ++y)
      for (unsigned x = 0; x < launch.block.x; ++x, ++i) {
        w.fibers[i].ids = {{x, y, z}, i % 32, i / 32, i};
        w.fibers[i].warp = &w.warp[i / 32];
        prepare_fiber(&w.fibers[i], i);
      }
  arena_reset();
  async_reset();
  check_block_start(launch, index);
  w.main_bottom = nullptr;
  enter_block(pick(0, w.opt.order == Order::reverse ? 0 : 31));
  if (w.failed) SIMT_UNPOISON(w.stacks, w.stack_pitch * w.threads);  // frames left behind
  ++w.counted.blocks;
}

void finish_thread() {
  Fiber* me = self();
  Warp& w = *me->warp;
  if (!me->copies.empty()) complete_copies(me, me->copies.size());
  clear_ready(me);
  note(me, Wait::done, "", "", 0);
  w.done |= 1u << me->ids.lane;
  --worker->alive;
  for (unsigned s = 0; s < max_slots; ++s)
    if (w.slots_used >> s & 1 && w.slot[s].mask >> me->ids.lane & 1)
      fail("thread %u exited while other lanes of its warp wait for it in %s at %s:%d",
           me->ids.linear, w.slot[s].what, w.slot[s].file, w.slot[s].line);
  if (!worker->alive) {
    async_check_end();
    leave_block();
  }
  // A barrier only waits for threads that have not exited.
  Barrier& b = worker->barrier[0];
  if (b.count == 0 && b.arrived && b.arrived == worker->alive) barrier_release(b, 0);
  Fiber* to = pick(me->ids.warp, me->ids.lane);
  if (!to) deadlock();
  leave_for(to);
}

}  // namespace stylear::simt
