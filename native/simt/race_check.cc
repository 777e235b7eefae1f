// Checks of the race build on one access: is it inside a variable or an allocation, of something
// written before, and ordered after the accesses it conflicts with?
#include <algorithm>
#include <cstdio>

#include "check.h"
#include "memory.h"

namespace stylear::simt {

namespace {

constexpr uint32_t atomic_bit = 0x80000000u;  // of Epoch::pc: the access was atomic

[[noreturn]] void race(const char* kind, const void* p, const Epoch& before, bool before_write,
                       bool write, uint32_t pc) {
  unsigned t = self()->ids.linear;
  std::string a = source_line(pc), b = source_line(before.pc), r = region_name(p);
  fail(
      "race (%s) on %s: thread %u (warp %u) %s at %s, not ordered after thread %u (warp %u) %s at "
      "%s",
      kind, r.c_str(), t, t / 32, write ? "writes" : "reads", a.c_str(), before.thread,
      before.thread / 32, before_write ? "wrote" : "read", b.c_str());
}
bool allocated(const char* p, unsigned bytes) {
  auto inside = [&](const Region& r) { return p >= r.p && p + bytes <= r.p + r.bytes; };
  for (auto& r : worker->carved)
    if (inside(r)) return true;
  for (auto& r : worker->statics)
    if (inside(r)) return true;
  return worker->dynamic && p >= worker->dynamic &&
         p + bytes <= worker->dynamic + worker->launch->shared;
}
}  // namespace

std::string region_name(const void* address) {
  const char* p = static_cast<const char*>(address);
  const auto named = [&](const std::string& what, const char* begin, size_t bytes) {
    return what + ", byte " + std::to_string(p - begin) + " of " + std::to_string(bytes);
  };
  size_t index = 0;
  for (const Region& r : worker->carved) {
    if (p >= r.p && p < r.p + r.bytes)
      return named("carved region " + std::to_string(index), r.p, r.bytes);
    ++index;
  }
  for (const Region& r : worker->statics)
    if (p >= r.p && p < r.p + r.bytes)
      return named("shared array " + std::string(r.name), r.p, r.bytes);
  const char* dynamic = worker->dynamic;
  const size_t bytes = worker->launch->shared;
  if (dynamic && p >= dynamic && p < dynamic + bytes)
    return named("dynamic shared memory", dynamic, bytes);
  return "no shared variable (out of bounds)";
}

namespace {

// Where to note that thread `t` has read a byte: in a free record, in one that is ordered before,
// else instead of a reader of the same warp, so that readers of other warps stay known.
Epoch& reader_slot(Cell& c, unsigned t) {
  for (Epoch& r : c.read)
    if (r.clock == 0 || ordered(r, t)) return r;
  for (Epoch& r : c.read)
    if (r.thread / 32 == t / 32) return r;
  return c.read[worker->random() & 3];
}

}  // namespace

void touch_shared(const void* addr, unsigned bytes, bool write, uint32_t pc, bool atomic) {
  const char* p = static_cast<const char*>(addr);
  unsigned t = self()->ids.linear;
  size_t at = size_t(p - worker->arena);
  ++worker->counted.checked_accesses;
  if (!allocated(p, bytes)) {
    std::string a = source_line(pc);
    fail(
        "out of bounds: thread %u %s %u bytes of shared memory outside every shared variable, at "
        "%s",
        t, write ? "writes" : "reads", bytes, a.c_str());
  }
  for (unsigned i = 0; i < bytes; ++i) {
    Cell& c = worker->cells[at + i];
    if (c.pending) {
      std::string a = source_line(pc), r = region_name(p + i);
      fail(
          "race (copy in flight) on %s: thread %u %s at %s while the cp.async of thread %u has not "
          "been waited for",
          r.c_str(), t, write ? "writes" : "reads", a.c_str(), unsigned(c.pending - 1));
    }
    if (!write && !worker->written[at + i] && !atomic) {
      std::string a = source_line(pc), r = region_name(p + i);
      fail("read before any write (uninitialised, or a barrier is missing): %s, thread %u at %s",
           r.c_str(), t, a.c_str());
    }
    Epoch now{uint16_t(t), worker->clock[t], atomic ? pc | atomic_bit : pc};
    bool w_atomic = c.write.pc & atomic_bit;
    if (!ordered(c.write, t) && !(atomic && w_atomic))
      race(write ? "write after write" : "read after write", p + i, c.write, true, write, pc);
    if (write) {
      for (Epoch& r : c.read)
        if (!ordered(r, t)) race("write after read", p + i, r, false, true, pc);
      c.write = now;
      if (!atomic) c.stored = now;
      for (Epoch& r : c.read) r.clock = 0;
      worker->written[at + i] = 1;
    } else {
      reader_slot(c, t) = now;
    }
  }
}

namespace {
// Blocks of one launch are not ordered, so two of them may touch the same byte only to read it -
// unless they have met at an atomic (every global atomic counts as a release and an acquire; fences
// are not modelled).
uint32_t block_number() {
  const auto& [block, dim, grid] = current_block;
  return (block.z * grid.y + block.y) * grid.x + block.x;
}
}  // namespace
// The race build runs one block at a time, so none of this needs locking.
void touch_global(const void* addr, unsigned bytes, bool write, uint32_t pc, bool atomic) {
  Heap& h = heap();
  const char* p = static_cast<const char*>(addr);
  static Allocation* last = nullptr;
  static uint32_t last_launch = 0;
  if (!last || last_launch != h.launch || p < last->p || p + bytes > last->p + last->bytes) {
    last = h.find(p);
    last_launch = h.launch;
  }
  Allocation* a = last;
  unsigned t = self()->ids.linear;
  if (!a || p + bytes > a->p + a->bytes) {
    std::string w = source_line(pc);
    fail("out of bounds: thread %u %s %u bytes of global memory at %s%s", t,
         write ? "writes" : "reads", bytes, w.c_str(),
         a ? ", across the end of an allocation" : ", outside every allocation");
  }
  if (a->uses.empty()) a->uses.resize(a->bytes);
  uint32_t me = block_number();
  auto& acquired = worker->acquired;
  if (atomic) {
    auto& r = h.released[addr];
    if (r.size() < worker->acquired.size()) r.resize(worker->acquired.size());
    for (size_t i = 0; i < r.size(); ++i) {
      if (r[i])
        acquired[i] = true;
      else if (acquired[i])
        r[i] = true;
    }
    r[me] = true;
  }
  for (unsigned i = 0; i < bytes; ++i) {
    ByteUses& b = a->uses[size_t(p - a->p) + i];
    if (b.launch != h.launch) {
      b = ByteUses{};
      b.launch = h.launch;
    }
    auto conflict = [&](const Use& u) {
      if (!u.clock) return false;
      if (atomic && u.pc & atomic_bit) return false;
      if (u.block != me) return !acquired[u.block];
      return !ordered({u.thread, u.clock, u.pc}, t);
    };
    auto report = [&](const Use& u, bool before_write) {
      std::string x = source_line(pc), y = source_line(u.pc);
      fail(
          "race on global memory, byte %zu of an allocation of %zu: thread %u %s at %s, not "
          "ordered after thread %u of block %u %s at %s",
          size_t(p - a->p) + i, a->bytes, t, write ? "writes" : "reads", x.c_str(), u.thread,
          u.block, before_write ? "wrote" : "read", y.c_str());
    };
    if (conflict(b.write)) report(b.write, true);
    Use now{me, worker->clock[t], atomic ? pc | atomic_bit : pc, uint16_t(t)};
    if (write) {
      if (conflict(b.read)) report(b.read, false);
      b.write = now;
      b.read.clock = 0;
    } else if (!conflict(b.read)) {  // a reader that is not ordered stays: it is the dangerous one
      b.read = now;
    }
  }
}

void check_copy_issued(void* dst, unsigned bytes) {
  if (!race_build()) return;
  touch_shared(dst, bytes, true, 0, false);
  size_t at = size_t(static_cast<char*>(dst) - worker->arena);
  for (unsigned i = 0; i < bytes; ++i)
    worker->cells[at + i].pending = uint16_t(self()->ids.linear + 1);
}
void check_copy_done(void* dst, unsigned bytes, unsigned thread, uint32_t clock, bool generic) {
  if (!race_build()) return;
  size_t at = size_t(static_cast<char*>(dst) - worker->arena);
  for (unsigned i = 0; i < bytes; ++i) {
    Cell& c = worker->cells[at + i];
    c.pending = 0;
    c.write = {uint16_t(thread), clock, 0};
    c.stored = generic ? c.write : Epoch{};
    for (Epoch& r : c.read) r.clock = 0;
    worker->written[at + i] = 1;
  }
}

void async_read(const void* p, unsigned bytes) {
  shared_read(p, bytes);
  async_proxy_check(p, bytes);
}
void async_proxy_check(const void* p, unsigned bytes) {
  if (!race_build()) return;
  size_t at = size_t(static_cast<const char*>(p) - worker->arena);
  for (unsigned i = 0; i < bytes; ++i) {
    Cell& c = worker->cells[at + i];
    if (worker->proxy[c.stored.thread] < c.stored.clock) {
      std::string r = region_name(p), a = source_line(c.stored.pc);
      fail(
          "missing fence.proxy.async: %s was stored by thread %u at %s and is used by an "
          "asynchronous instruction",
          r.c_str(), c.stored.thread, a.c_str());
    }
  }
}
void async_write_issue(void* p, unsigned bytes) {
  if (race_build())
    check_copy_issued(p, bytes);
  else
    shared_written(p, bytes);
}
void async_write_done(void* p, unsigned bytes, unsigned thread, uint32_t clock) {
  check_copy_done(p, bytes, thread, clock, false);
}

}  // namespace stylear::simt
