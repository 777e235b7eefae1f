// Which fiber runs next, and what to say when none can.
#include "scheduler.h"

#include <bit>
#include <cstdio>
#include <string>
#include <vector>

#include "async.h"
#include "fiber.h"

namespace stylear::simt {

void note(Fiber* f, Wait w, const char* what, const char* file, int line) {
  f->wait = w;
  f->what = what;
  f->file = file;
  f->line = line;
}

namespace {
// first set bit after `from`, cyclically, upwards or downwards
unsigned next_bit(uint32_t m, unsigned from, bool down) {
  if (!down) {
    uint32_t hi = from >= 31 ? 0 : m & (~0u << (from + 1));
    return std::countr_zero(hi ? hi : m);
  }
  uint32_t lo = m & ((1u << from) - 1);
  return 31 - std::countl_zero(lo ? lo : m);
}
unsigned random_bit(uint32_t m) {
  unsigned k = unsigned(worker->random() % unsigned(std::popcount(m)));
  while (k--) m &= m - 1;
  return std::countr_zero(m);
}
}  // namespace

Fiber* pick(unsigned warp, unsigned lane) {
  if (!worker->warps_ready) return nullptr;
  switch (worker->opt.order) {
    case Order::random:
      warp = random_bit(worker->warps_ready);
      lane = random_bit(worker->warp[warp].ready);
      break;
    default: {
      bool down = worker->opt.order == Order::reverse;
      if (!worker->warp[warp].ready) {
        warp = next_bit(worker->warps_ready, warp, down);
        lane = down ? 0 : 31;
      }
      lane = next_bit(worker->warp[warp].ready, lane, down);
    }
  }
  return &worker->fibers[warp * 32 + lane];
}

namespace {
const char* wait_name(Wait w) {
  switch (w) {
    case Wait::none:
      return "runnable";
    case Wait::collective:
      return "warp collective";
    case Wait::group:
      return "warpgroup collective";
    case Wait::barrier:
      return "barrier";
    case Wait::mbarrier:
      return "mbarrier";
    case Wait::done:
      return "exited";
  }
  return "?";
}
}  // namespace
void deadlock() {
  // Collectives note nothing of their own, since they come and go by the million.
  for (unsigned i = 0; i < worker->warps; ++i) {
    const Warp& w = worker->warp[i];
    for (uint32_t used = w.slots_used; used; used &= used - 1) {
      const Collective& c = w.slot[std::countr_zero(used)];
      for (uint32_t lanes = c.arrived; lanes; lanes &= lanes - 1) {
        Fiber* waits = &worker->fibers[i * 32 + unsigned(std::countr_zero(lanes))];
        note(waits, Wait::collective, c.what, c.file, c.line);
      }
    }
  }
  const auto together = [](const Fiber& a, const Fiber& b) {
    return a.wait == b.wait && a.line == b.line && a.file == b.file && a.what == b.what;
  };
  std::string report = "deadlock: no thread of the block can run";
  std::vector<bool> told(worker->threads);
  for (unsigned i = 0; i < worker->threads; ++i) {  // a line for each place where threads wait
    if (told[i]) continue;
    const Fiber& first = worker->fibers[i];
    unsigned count = 0;
    for (unsigned j = i; j < worker->threads; ++j) {
      if (!together(first, worker->fibers[j])) continue;
      told[j] = true;
      ++count;
    }
    report += "\n  " + std::to_string(count) + " threads from " + std::to_string(i) +
              " on: " + wait_name(first.wait);
    if (first.wait != Wait::done)
      report +=
          std::string(" ") + first.what + " at " + first.file + ":" + std::to_string(first.line);
  }
  fail("%s", report.c_str());
}

void yield() {
  Fiber* me = self();
  // rotate: give every other ready fiber a turn before coming back
  clear_ready(me);
  Fiber* to = pick(me->ids.warp, me->ids.lane);
  set_ready(me);
  if (!to) fail("thread %u spins, but no other thread of its block can run", me->ids.linear);
  switch_fiber(me, to);
}

}  // namespace stylear::simt
