// mbarriers and bulk tensor copies.
#include <cstring>
#include <string>

#include "async_state.h"
#include "check.h"
#include "scheduler.h"

namespace stylear::simt {

AsyncState& async_state() {
  if (!worker->async) worker->async = new AsyncState;
  return *worker->async;
}
void async_free(AsyncState* state) { delete state; }

bool async_at_once() {
  const Async mode = worker->opt.async;
  return mode == Async::early || (mode == Async::random && (worker->random() & 1));
}

void block_on(const void* object, const char* what, const char* file, int line) {
  Fiber* f = self();
  clear_ready(f);
  f->object = object;
  note(f, Wait::mbarrier, what, file, line);
  block_current();
}
void wake(const void* object) {
  for (unsigned i = 0; i < worker->threads; ++i) {
    Fiber& f = worker->fibers[i];
    if (f.wait == Wait::mbarrier && f.object == object) set_ready(&f);
  }
}

namespace {

Mbarrier& find(uint64_t* bar) {
  if (reinterpret_cast<uintptr_t>(bar) % 8) fail("misaligned mbarrier");
  shared_offset(bar);
  auto it = async_state().barriers.find(bar);
  if (it == async_state().barriers.end()) fail("mbarrier used before mbarrier.init");
  return it->second;
}
uint32_t swizzled(uint32_t a, unsigned span) {  // address bits 4.. are XORed with bits 7..
  if (span == 128) return a ^ ((a >> 7 & 7) << 4);
  if (span == 64) return a ^ ((a >> 7 & 3) << 4);
  if (span == 32) return a ^ ((a >> 7 & 1) << 4);
  return a;
}

void try_complete(uint64_t* key, Mbarrier& b) {
  if (b.pending || b.bytes) return;
  b.phase ^= 1;
  b.pending = b.count;
  b.done_order = b.order;
  wake(key);
}

uint64_t box_bytes(const TensorMap& m) {
  uint64_t n = m.element_bytes;
  for (unsigned i = 0; i < m.rank; ++i) n *= m.box[i];
  return n;
}
// Calls f(destination, is the row inside of the tensor, the row's offset, first element) for pieces
// of 16 bytes, of which the innermost row of a box is a multiple.
template <class F>
void for_pieces(const BulkCopy& c, F f) {
  const TensorMap& m = *c.map;
  const unsigned per = 16 / m.element_bytes;
  uint64_t rows = 1;
  for (unsigned i = 1; i < m.rank; ++i) rows *= m.box[i];
  const uint32_t base = shared_offset(c.to);
  for (uint64_t r = 0; r < rows; ++r) {
    bool row_in = true;
    uint64_t src = 0, rest = r;
    for (unsigned i = 1; i < m.rank; ++i) {
      long long x = c.at[i] + static_cast<long long>(rest % m.box[i]);
      rest /= m.box[i];
      if (x < 0 || uint64_t(x) >= m.size[i]) row_in = false;
      src += uint64_t(x) * m.stride[i];
    }
    for (unsigned e = 0; e < m.box[0]; e += per) {
      const uint32_t lin = base + uint32_t((r * m.box[0] + e) * m.element_bytes);
      f(static_cast<char*>(shared_pointer(swizzled(lin, m.swizzle))), row_in, src, e);
    }
  }
}
void perform(const BulkCopy& c) {
  const TensorMap& m = *c.map;
  const unsigned per = 16 / m.element_bytes;
  for_pieces(c, [&](char* dst, bool row_in, uint64_t src, unsigned e) {
    for (unsigned k = 0; k < per; ++k) {
      long long x = c.at[0] + static_cast<long long>(e + k);
      char* d = dst + k * m.element_bytes;
      if (row_in && x >= 0 && uint64_t(x) < m.size[0]) {
        const char* s = static_cast<const char*>(m.base) + src + uint64_t(x) * m.element_bytes;
        if (current) global_read(s, m.element_bytes);
        std::memcpy(d, s, m.element_bytes);
      } else {
        std::memset(d, 0, m.element_bytes);
      }
    }
  });
}
void finish(const BulkCopy& c) {
  perform(c);
  for_pieces(c, [&](char* dst, bool, uint64_t, unsigned) {
    async_write_done(dst, 16, c.thread, c.clock);
  });
  stats().bulk_bytes += box_bytes(*c.map);
}
void complete_copies(uint64_t* key, Mbarrier& b) {
  std::vector<BulkCopy> all = std::move(b.copies);
  b.copies.clear();
  for (const BulkCopy& c : all) {
    finish(c);
    b.bytes -= static_cast<long long>(box_bytes(*c.map));
  }
  if (!all.empty()) try_complete(key, b);
}

}  // namespace

void async_reset() {
  if (AsyncState* s = worker->async) {
    s->barriers.clear();
    for (auto& w : s->groups) {
      w.ops.clear();
      w.groups.clear();
    }
  }
}
void async_check_end() {
  if (AsyncState* s = worker->async)
    for (auto& [k, b] : s->barriers)
      if (!b.copies.empty())
        fail("the block ended while a bulk copy into its shared memory was under way");
}

void tensor_map_check(const TensorMap& m) {
  auto need = [](bool ok, const char* what) {
    if (!ok) throw failure(std::string("tensor map: ") + what);
  };
  need(m.rank >= 1 && m.rank <= 5, "rank");
  need(reinterpret_cast<uintptr_t>(m.base) % 16 == 0, "the address must be a multiple of 16");
  need(m.stride[0] == m.element_bytes, "the innermost stride must be the element size");
  for (unsigned i = 1; i < m.rank; ++i)
    need(m.stride[i] % 16 == 0 && m.stride[i] < (1ull << 40), "strides must be multiples of 16");
  for (unsigned i = 0; i < m.rank; ++i) {
    need(m.box[i] >= 1 && m.box[i] <= 256, "box sizes must be 1 to 256");
    need(m.size[i] >= 1 && m.size[i] <= (1ull << 32), "sizes must be 1 to 2^32");
  }
  need(m.box[0] * m.element_bytes % 16 == 0, "the inner box row must be a multiple of 16 bytes");
  need(m.swizzle == 0 || m.box[0] * m.element_bytes <= m.swizzle,
       "the inner box row exceeds the swizzle span");
}

void mbarrier_init(uint64_t* bar, unsigned count) {
  if (reinterpret_cast<uintptr_t>(bar) % 8) fail("misaligned mbarrier");
  if (count == 0 || count >= (1u << 20)) fail("mbarrier.init with a count of %u", count);
  shared_written(bar, 8);
  *bar = 0x5afe5afe5afe5afeull;
  Mbarrier b;
  b.count = b.pending = count;
  async_state().barriers[bar] = b;
}
void mbarrier_arrive(uint64_t* bar, unsigned expect) {
  atomic_touch(bar, 8, nullptr);  // conflicts with an init that was not published
  Mbarrier& b = find(bar);
  if (b.pending == 0) fail("more arrivals at an mbarrier than its count");
  release_into(b.order);
  b.bytes += expect;
  --b.pending;
  try_complete(bar, b);
}
void mbarrier_wait(uint64_t* bar, unsigned parity, const char* file, int line) {
  atomic_touch(bar, 8, nullptr);
  Mbarrier& b = find(bar);
  while (b.phase == (parity & 1)) {
    if (!b.copies.empty())
      complete_copies(bar, b);  // "late": now that somebody waits
    else
      block_on(bar, "mbarrier wait", file, line);
  }
  acquire_from(b.done_order);
}
void fence_proxy_async() { order_proxy(); }

void tensor_load(void* dst, const TensorMap* map, uint64_t* bar, const int* at, int rank) {
  if (unsigned(rank) != map->rank) fail("bulk tensor copy: the map has rank %u", map->rank);
  const unsigned align = map->swizzle == 128  ? 1024
                         : map->swizzle == 64 ? 512
                         : map->swizzle == 32 ? 256
                                              : 128;
  if (shared_offset(dst) % align)
    fail("bulk tensor copy: destination must be a multiple of %u for this swizzle", align);
  Mbarrier& b = find(bar);
  atomic_touch(bar, 8, nullptr);
  async_proxy_check(bar, 8);
  BulkCopy c{dst, map, bar, {}, current->linear, current_clock()};
  for (int i = 0; i < rank; ++i) c.at[i] = at[i];
  for_pieces(c, [&](char* d, bool, uint64_t, unsigned) { async_write_issue(d, 16); });
  release_into(b.order);
  if (async_at_once()) {
    finish(c);
    b.bytes -= static_cast<long long>(box_bytes(*map));
    try_complete(bar, b);
  } else {
    b.copies.push_back(c);
    wake(bar);  // a waiter may now complete it
  }
}

}  // namespace stylear::simt
