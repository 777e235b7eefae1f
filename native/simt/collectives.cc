// What threads do together: barriers, and operations of a warp or a warpgroup.
#include "collectives.h"

#include <bit>
#include <cstring>
#include <vector>

#include "check.h"
#include "scheduler.h"

namespace stylear::simt {

void barrier_release(Barrier& b, int id) {
  ++worker->counted.barriers;
  if (race_build()) {
    if (b.arrived == worker->alive && b.count == 0)
      order_block();
    else {
      std::vector<unsigned> who;
      for (unsigned i = 0; i < worker->threads; ++i)
        if ((worker->fibers[i].wait == Wait::barrier && worker->fibers[i].barrier == id) ||
            &worker->fibers[i] == self())
          who.push_back(i);
      order_threads(who);
    }
  }
  worker->result = b.sum;
  for (unsigned i = 0; i < worker->threads; ++i) {
    Fiber& f = worker->fibers[i];
    if (f.wait == Wait::barrier && f.barrier == id) set_ready(&f);
  }
  b = Barrier{};
}

namespace {

// That lanes of a warp wait in with this mask; null if there is none.
Collective* open_collective(Warp& w, uint32_t mask) {
  for (uint32_t u = w.slots_used; u; u &= u - 1) {
    Collective& s = w.slot[std::countr_zero(u)];
    if (s.mask == mask) return &s;
  }
  return nullptr;
}

// Fails where another collective waits for the current lane, and this one for lanes in that.
void refuse_crossing(uint32_t mask, const char* what, const char* file, int line) {
  const Fiber* f = self();
  const Warp& w = *f->warp;
  for (uint32_t u = w.slots_used; u; u &= u - 1) {
    const Collective& s = w.slot[std::countr_zero(u)];
    if (s.mask != mask && s.mask >> f->ids.lane & 1 && s.arrived & mask)
      fail(
          "lanes %08x of warp %u are in %s at %s:%d (mask %08x) while lane %u is in %s at %s:%d "
          "(mask %08x)",
          s.arrived, f->ids.warp, s.what, s.file, s.line, s.mask, f->ids.lane, what, file, line,
          mask);
  }
}

Collective& start_collective(Warp& w, uint32_t mask, WarpFunction together, const char* what,
                             const char* file, int line) {
  if (mask & w.done & w.exist)
    fail("%s at %s:%d: mask %08x names lanes that have exited (%08x)", what, file, line, mask,
         w.done & w.exist);
  const unsigned free = unsigned(std::countr_one(w.slots_used));
  if (free >= max_slots) fail("too many different warp collectives at once");
  w.slots_used |= 1u << free;
  Collective& c = w.slot[free];
  c.mask = mask;
  c.arrived = 0;
  c.together = together;
  c.what = what;
  c.file = file;
  c.line = line;
  return c;
}

}  // namespace

void warp_collective(uint32_t mask, WarpFunction together, void* arg, const char* what,
                     const char* file, int line) {
  Fiber* f = self();
  Warp& w = *f->warp;
  const uint32_t bit = 1u << f->ids.lane;
  ++worker->counted.collectives;
  if (!(mask & bit))
    fail("%s at %s:%d: calling lane %u is not in the mask %08x", what, file, line, f->ids.lane,
         mask);
  Collective* c = open_collective(w, mask);
  const bool alone = c && std::has_single_bit(w.slots_used);
  if (!alone) refuse_crossing(mask, what, file, line);
  if (!c)
    c = &start_collective(w, mask, together, what, file, line);
  else if (c->together != together)
    fail("lanes %08x of warp %u are in %s at %s:%d while lane %u is in %s at %s:%d", c->arrived,
         f->ids.warp, c->what, c->file, c->line, f->ids.lane, what, file, line);
  c->args[f->ids.lane] = arg;
  c->arrived |= bit;
  if (c->arrived == (mask & w.exist)) {
    const uint32_t arrived = c->arrived;
    w.slots_used &= ~(1u << (c - w.slot));
    together(c->args, arrived);
    w.ready |= arrived;
    worker->warps_ready |= 1u << f->ids.warp;
    maybe_switch();
  } else {
    clear_ready(f);
    block_current();
  }
}

void group_collective(GroupFunction together, void* arg, const char* what, const char* file,
                      int line) {
  Fiber* f = self();
  unsigned g = f->ids.warp / 4;
  Group& q = worker->group[g];
  ++worker->counted.collectives;
  if ((g + 1) * 128 > worker->threads)
    fail("%s at %s:%d: the warpgroup has fewer than 128 threads", what, file, line);
  if (q.arrived == 0)
    q.together = together;
  else if (q.together != together)
    fail("%s at %s:%d: other threads of the warpgroup are in another warpgroup instruction", what,
         file, line);
  q.args[f->ids.linear % 128] = arg;
  if (++q.arrived == 128) {
    q.arrived = 0;
    together(q.args);
    for (unsigned i = g * 128; i < g * 128 + 128; ++i) set_ready(&worker->fibers[i]);
    maybe_switch();
  } else {
    clear_ready(f);
    note(f, Wait::group, what, file, line);
    block_current();
  }
}

namespace {

// Barrier `id` for `threads` threads (0: all that have not exited), adding up `predicate`.
void barrier(int id, unsigned threads, bool predicate, const char* what, const char* file,
             int line) {
  Fiber* f = self();
  Barrier& b = worker->barrier[id];
  if (threads % 32)
    fail("%s at %s:%d: the thread count of a named barrier must be a multiple of 32", what, file,
         line);
  if (b.arrived == 0) {
    b.count = threads;
    b.file = file;
    b.line = line;
  } else if (b.count != threads) {
    fail("%s at %s:%d: barrier %d is already used with %u threads", what, file, line, id, b.count);
  } else if (worker->opt.strict_barriers && id == 0 &&
             (b.line != line || (b.file != file && std::strcmp(b.file, file)))) {
    fail("divergent __syncthreads: thread %u is at %s:%d, other threads at %s:%d", f->ids.linear,
         file, line, b.file, b.line);
  }
  b.sum += predicate;
  ++b.arrived;
  if (b.arrived == (threads ? threads : worker->alive)) {
    barrier_release(b, id);
    maybe_switch();
  } else {
    clear_ready(f);
    f->barrier = id;
    note(f, Wait::barrier, what, file, line);
    block_current();
  }
}

void syncwarp_run(void* const*, uint32_t mask) {
  if (race_build()) order_lanes(self()->ids.warp, mask);
}

}  // namespace

void block_barrier(int id, int threads, const char* what, const char* file, int line) {
  barrier(id, unsigned(threads), false, what, file, line);
}

// The sum is kept in the worker: nobody can release the next barrier before every thread has come
// back from this one, because that release needs all of them again.
int block_barrier_reduce(int predicate, Reduce kind, const char* file, int line) {
  const unsigned threads = worker->threads;
  barrier(0, 0, predicate != 0, "__syncthreads_*", file, line);
  const unsigned sum = worker->result;
  return kind == Reduce::count ? int(sum) : kind == Reduce::any ? sum != 0 : sum == threads;
}

void syncwarp(uint32_t mask, const char* file, int line) {
  warp_collective(mask, syncwarp_run, nullptr, "__syncwarp", file, line);
}

}  // namespace stylear::simt
