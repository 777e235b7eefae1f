// wgmma: products of a warpgroup, with operands described by shared-memory descriptors.
#include <bit>
#include <cstring>
#include <memory>

#include "async_state.h"
#include "check.h"

namespace stylear::simt {

namespace {

// Address bits 4.. are XORed with bits 7.. .
uint32_t swizzled(uint32_t a, unsigned span) { return a ^ ((a >> 7 & (span / 16 - 1)) << 4); }

// An operand is read in pieces of 16 bytes: eight neighbours along k (K-major) or along m/n
// (M/N-major).
const char* piece(uint64_t desc, bool mn_major, int mn, int k) {
  const auto field = [desc](int bit) { return uint32_t(desc >> bit & 0x3fff) << 4; };
  const uint32_t lbo = field(16), sbo = field(32);
  constexpr unsigned spans[4] = {16, 128, 64, 32};
  const unsigned mode = unsigned(desc >> 62), span = spans[mode];
  if (desc >> 49 & 7) fail("wgmma: matrix base offset is not emulated");
  uint32_t a = field(0);
  if (!mn_major) {
    a += uint32_t(mn / 8) * sbo + uint32_t(mn % 8) * span;
    a += mode == 0 ? uint32_t(k / 8) * lbo : uint32_t(k) * 2;
  } else {
    if (mode == 0) fail("wgmma: M/N-major operands without swizzle are not emulated");
    const int w = int(span) / 2;
    a += uint32_t(mn / w) * lbo + uint32_t(k / 8) * sbo + uint32_t(k % 8) * span +
         uint32_t(mn % w) * 2;
  }
  return static_cast<const char*>(shared_pointer(mode == 0 ? a : swizzled(a, span)));
}
// Calls f(address, mn, k) for every piece of rows [mn0, mn1) and 16 columns of k.
template <class F>
void for_operand(uint64_t desc, bool mn_major, int mn0, int mn1, F f) {
  for (int mn = mn0; mn < mn1; mn += mn_major ? 8 : 1)
    for (int k = 0; k < 16; k += mn_major ? 1 : 8) f(piece(desc, mn_major, mn, k), mn, k);
}
// For the race build: each warp reads its own rows of A and all of B; one lane stands for the warp.
void record_operands(const Wgmma& w) {
  const auto read = [](const char* p, int, int) { async_read(p, 16); };
  const int row = int(current->warp % 4) * 16;
  if (!w.a) for_operand(w.desc_a, w.trans_a, row, row + 16, read);
  for_operand(w.desc_b, w.trans_b, 0, w.n, read);
}

float reg_lo(uint32_t v) { return std::bit_cast<float>(v << 16); }
float reg_hi(uint32_t v) { return std::bit_cast<float>(v & 0xffff0000u); }

void execute(PendingWgmma& p) {
  if (p.done) return;
  p.done = true;
  ++stats().wgmma;
  const Wgmma& w = p.w[0];
  // Not thread_local: a library that is opened late has little room for what threads own.
  struct Operands {
    alignas(64) float a[64][16], b[16][256];
  };
  const auto operands = std::make_unique<Operands>();
  auto& a = operands->a;
  auto& b = operands->b;
  if (w.a) {
    for (int t = 0; t < 128; ++t) {
      const int row = t / 32 * 16 + t % 32 / 4, column = t % 4 * 2;
      for (int part = 0; part < 4; ++part) {  // as in mma: rows apart by 8, then columns
        float* to = &a[row + part % 2 * 8][column + part / 2 * 8];
        to[0] = reg_lo(p.w[t].a[part]), to[1] = reg_hi(p.w[t].a[part]);
      }
    }
  } else {
    for_operand(w.desc_a, w.trans_a, 0, 64, [&](const char* from, int m, int k) {
      uint16_t v[8];
      std::memcpy(v, from, 16);
      for (int i = 0; i < 8; ++i) (w.trans_a ? a[m + i][k] : a[m][k + i]) = reg_lo(v[i]);
    });
  }
  for_operand(w.desc_b, w.trans_b, 0, w.n, [&](const char* from, int n, int k) {
    uint16_t v[8];
    std::memcpy(v, from, 16);
    for (int i = 0; i < 8; ++i) (w.trans_b ? b[k][n + i] : b[k + i][n]) = reg_lo(v[i]);
  });
  for (int row = 0; row < 64; ++row) {
    float sums[256];
    const int t0 = row / 16 * 32 + row % 8 * 4, half = row % 16 / 8 * 2;
    const auto place = [&](int n) -> float& {
      return p.w[t0 + n % 8 / 2].d[n / 8 * 4 + half + n % 2];
    };
    for (int n = 0; n < w.n; ++n) sums[n] = w.accumulate ? place(n) : 0.f;
    for (int k = 0; k < 16; ++k)
      for (int n = 0; n < w.n; ++n) sums[n] += a[row][k] * b[k][n];
    for (int n = 0; n < w.n; ++n) place(n) = sums[n];
  }
}

void wgmma_run(void* const* args) {
  Warpgroup& g = async_state().groups[current->warp / 4];
  auto p = std::make_unique<PendingWgmma>();
  for (int t = 0; t < 128; ++t) {
    p->w[t] = *static_cast<const Wgmma*>(args[t]);
    const Wgmma &x = p->w[t], &y = p->w[0];
    if (x.desc_a != y.desc_a || x.desc_b != y.desc_b || x.n != y.n ||
        x.accumulate != y.accumulate || !x.a != !y.a)
      fail("wgmma: the threads of the warpgroup disagree about the operands");
  }
  if (async_at_once()) {
    for (auto& q : g.ops) execute(*q);  // in order: they may share accumulators
    execute(*p);
  }
  g.ops.push_back(std::move(p));
}
void commit_run(void* const*) {
  Warpgroup& g = async_state().groups[current->warp / 4];
  g.groups.push_back(g.ops.size());
}
void wait_run(void* const* args) {
  Warpgroup& g = async_state().groups[current->warp / 4];
  const unsigned pending = *static_cast<const unsigned*>(args[0]);
  if (g.groups.size() <= pending) return;
  const size_t complete = g.groups.size() - pending, ops = g.groups[complete - 1];
  for (size_t i = 0; i < ops; ++i) execute(*g.ops[i]);
  g.ops.erase(g.ops.begin(), g.ops.begin() + long(ops));
  g.groups.erase(g.groups.begin(), g.groups.begin() + long(complete));
  for (size_t& x : g.groups) x -= ops;
}

}  // namespace

void wgmma(const Wgmma& w, const char* file, int line) {
  Wgmma x = w;
  if (race_build() && current->lane == 0) record_operands(w);
  group_collective(wgmma_run, &x, "wgmma.mma_async", file, line);
}
void wgmma_commit(const char* file, int line) {
  group_collective(commit_run, nullptr, "wgmma.commit_group", file, line);
}
void wgmma_wait(unsigned pending, const char* file, int line) {
  // The operands may be overwritten only after this point: note the reads again, at the present
  // clock.
  if (race_build() && current->lane == 0) {
    Warpgroup& g = async_state().groups[current->warp / 4];
    if (g.groups.size() > pending) {
      const size_t ops = g.groups[g.groups.size() - pending - 1];
      for (size_t i = 0; i < ops; ++i) record_operands(g.ops[i]->w[0]);
    }
  }
  group_collective(wait_run, &pending, "wgmma.wait_group", file, line);
  syncwarp(0xffffffffu, file, line);
}

}  // namespace stylear::simt
