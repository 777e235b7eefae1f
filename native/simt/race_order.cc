// Who is ordered before whom. Every thread has a clock and a vector of the others' clocks that are
// ordered before it; `base` is the part of all vectors that the last barrier of the whole block has
// set. Barriers, __syncwarp, mbarriers and (between blocks) global atomics order; shuffles, votes
// and matrix instructions do not, as on the GPU.
#include <algorithm>

#include "check.h"

namespace stylear::simt {

void check_block_start(const Launch& L, uint3 index) {
  if (!race_build()) return;
  Worker& w = *worker;
  w.seen.assign(size_t(w.threads) * w.threads, 0);
  w.clock.assign(w.threads, 1);
  w.base.assign(w.threads, 0);
  w.proxy.assign(w.threads, 0);
  w.cells.resize(arena_bytes);  // cleared piece by piece in check_region
  w.written.resize(arena_bytes);
  w.acquired.assign(size_t(L.grid.x) * L.grid.y * L.grid.z, false);
  w.acquired[(size_t(index.z) * L.grid.y + index.y) * L.grid.x + index.x] = true;
}

void check_region(size_t at, size_t bytes) {
  if (!race_build()) return;
  std::fill_n(worker->cells.begin() + long(at), bytes, Cell{});
  std::fill_n(worker->written.begin() + long(at), bytes, uint8_t{0});
}

void order_threads(const std::vector<unsigned>& who) {
  unsigned n = worker->threads;
  std::vector<uint32_t> j(n, 0);
  for (unsigned t : who) {
    uint32_t* v = &worker->seen[size_t(t) * n];
    for (unsigned u = 0; u < n; ++u) j[u] = std::max(j[u], v[u]);
  }
  for (unsigned t : who) j[t] = std::max(j[t], worker->clock[t]);
  for (unsigned t : who) {
    std::copy(j.begin(), j.end(), &worker->seen[size_t(t) * n]);
    ++worker->clock[t];
  }
}
void order_block() {
  for (unsigned t = 0; t < worker->threads; ++t) worker->base[t] = worker->clock[t]++;
}
void order_lanes(unsigned warp, uint32_t mask) {
  std::vector<unsigned> who;
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1) who.push_back(warp * 32 + l);
  order_threads(who);
}
bool ordered(const Epoch& e, unsigned t) {
  return e.clock == 0 || e.thread == t || e.clock <= worker->base[e.thread] ||
         e.clock <= worker->seen[size_t(t) * worker->threads + e.thread];
}

void release_into(std::vector<uint32_t>& into) {
  if (!race_build()) return;
  unsigned n = worker->threads, t = self()->ids.linear;
  into.resize(n);
  for (unsigned u = 0; u < n; ++u)
    into[u] = std::max({into[u], worker->seen[size_t(t) * n + u], worker->base[u]});
  into[t] = std::max(into[t], worker->clock[t]);
  ++worker->clock[t];
}
void acquire_from(const std::vector<uint32_t>& from) {
  if (!race_build() || from.empty()) return;
  unsigned n = worker->threads, t = self()->ids.linear;
  for (unsigned u = 0; u < n; ++u)
    worker->seen[size_t(t) * n + u] = std::max(worker->seen[size_t(t) * n + u], from[u]);
}
uint32_t current_clock() { return race_build() ? worker->clock[self()->ids.linear] : 0; }
void order_proxy() {
  if (!race_build()) return;
  unsigned t = self()->ids.linear;
  worker->proxy[t] = worker->clock[t]++;
}

}  // namespace stylear::simt
