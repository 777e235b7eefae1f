// Which fiber runs next. What a switch in the usual order needs is inline: an emulated kernel
// spends a good part of its time here.
#pragma once

#include <bit>

#include "fiber.h"
#include "state.h"

namespace stylear::simt {

inline void set_ready(Fiber* f) {
  f->warp->ready |= 1u << f->ids.lane;
  worker->warps_ready |= 1u << f->ids.warp;
  f->wait = Wait::none;
}
inline void clear_ready(Fiber* f) {
  f->warp->ready &= ~(1u << f->ids.lane);
  if (!f->warp->ready) worker->warps_ready &= ~(1u << f->ids.warp);
}
// What `f` waits for, for the report of a deadlock.
void note(Fiber* f, Wait w, const char* what, const char* file, int line);

// The next ready fiber after this lane in the order of the options; null if there is none.
Fiber* pick(unsigned warp, unsigned lane);
[[noreturn]] void deadlock();

// The current fiber is no longer ready: run somebody else.
inline void block_current() {
  Fiber* me = self();
  // Those of the same warp that come after it, in the usual order.
  const uint32_t later = me->warp->ready & (~1u << me->ids.lane);
  Fiber* to = later && worker->opt.order == Order::forward
                  ? me + (std::countr_zero(later) - int(me->ids.lane))
                  : pick(me->ids.warp, me->ids.lane);
  if (!to) deadlock();
  if (to != me) switch_fiber(me, to);
}

// The current fiber stays ready; others may come first.
inline void maybe_switch() {
  if (worker->opt.order != Order::random) return;
  Fiber* me = self();
  Fiber* to = pick(me->ids.warp, me->ids.lane);
  if (to != me) switch_fiber(me, to);
}

}  // namespace stylear::simt
