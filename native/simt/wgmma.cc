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
  const uint32_t start = uint32_t(desc & 0x3fff) << 4, lbo = uint32_t(desc >> 16 & 0x3fff) << 4,
                 sbo = uint32_t(desc >> 32 & 0x3fff) << 4;
  const unsigned mode = unsigned(desc >> 62), span = mode == 0   ? 16
                                                     : mode == 1 ? 128
                                                     : mode == 2 ? 64
                                                                 : 32;
  if (desc >> 49 & 7) fail("wgmma: matrix base offset is not emulated");
  uint32_t a = start;
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
void record(uint64_t desc, bool mn_major, int mn0, int mn1) {  // race build: who reads what
  for_operand(desc, mn_major, mn0, mn1, [](const char* p, int, int) { async_read(p, 16); });
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
  auto& A = operands->a;
  auto& B = operands->b;
  if (w.a) {
    for (int t = 0; t < 128; ++t) {
      const uint32_t* a = p.w[t].a;
      int r = t / 32 * 16 + (t % 32) / 4, c = (t % 4) * 2;
      A[r][c] = reg_lo(a[0]);
      A[r][c + 1] = reg_hi(a[0]);
      A[r + 8][c] = reg_lo(a[1]);
      A[r + 8][c + 1] = reg_hi(a[1]);
      A[r][c + 8] = reg_lo(a[2]);
      A[r][c + 9] = reg_hi(a[2]);
      A[r + 8][c + 8] = reg_lo(a[3]);
      A[r + 8][c + 9] = reg_hi(a[3]);
    }
  } else {
    for_operand(w.desc_a, w.trans_a, 0, 64, [&](const char* p, int m, int k) {
      uint16_t v[8];
      std::memcpy(v, p, 16);
      for (int i = 0; i < 8; ++i)
        (w.trans_a ? A[m + i][k] : A[m][k + i]) = std::bit_cast<float>(uint32_t(v[i]) << 16);
    });
  }
  for_operand(w.desc_b, w.trans_b, 0, w.n, [&](const char* p, int n, int k) {
    uint16_t v[8];
    std::memcpy(v, p, 16);
    for (int i = 0; i < 8; ++i)
      (w.trans_b ? B[k][n + i] : B[k + i][n]) = std::bit_cast<float>(uint32_t(v[i]) << 16);
  });
  for (int r = 0; r < 64; ++r) {
    alignas(64) float acc[256];
    const int t0 = r / 16 * 32 + (r % 8) * 4, half = r % 16 / 8 * 2;
    for (int n = 0; n < w.n; ++n)
      acc[n] = w.accumulate ? p.w[t0 + n % 8 / 2].d[n / 8 * 4 + half + n % 2] : 0.f;
    for (int k = 0; k < 16; ++k) {
      const float a = A[r][k];
      for (int n = 0; n < w.n; ++n) acc[n] += a * B[k][n];
    }
    for (int n = 0; n < w.n; ++n) p.w[t0 + n % 8 / 2].d[n / 8 * 4 + half + n % 2] = acc[n];
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
  const bool now = async_at_once();
  if (now) {
    for (auto& q : g.ops) execute(*q);  // in order: they may share accumulators
    execute(*p);
  }
  g.ops.push_back(std::move(p));
}
void commit_run(void* const*) {
  Warpgroup& g = async_state().groups[current->warp / 4];
  g.groups.push_back(g.ops.size());
}
struct WaitArg {
  unsigned pending;
  const PendingWgmma* const* finished;
  size_t count;
};
void wait_run(void* const* args) {
  Warpgroup& g = async_state().groups[current->warp / 4];
  const unsigned pending = static_cast<WaitArg*>(args[0])->pending;
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
  if (race_build()) {
    // Each warp reads its own rows of A and all of B; one lane stands for the warp.
    if (current->lane == 0) {
      int r = int(current->warp % 4) * 16;
      if (!x.a) record(x.desc_a, x.trans_a, r, r + 16);
      record(x.desc_b, x.trans_b, 0, x.n);
    }
  }
  group_collective(wgmma_run, &x, "wgmma.mma_async", file, line);
}
void wgmma_commit(const char* file, int line) {
  group_collective(commit_run, nullptr, "wgmma.commit_group", file, line);
}
void wgmma_wait(unsigned pending, const char* file, int line) {
  WaitArg a{pending, nullptr, 0};
  // The operands may be overwritten only after this point: note the reads again, at the present
  // clock.
  if (race_build() && current->lane == 0) {
    Warpgroup& g = async_state().groups[current->warp / 4];
    if (g.groups.size() > pending) {
      const size_t ops = g.groups[g.groups.size() - pending - 1];
      for (size_t i = 0; i < ops; ++i) {
        const Wgmma& w = g.ops[i]->w[0];
        int r = int(current->warp % 4) * 16;
        if (!w.a) record(w.desc_a, w.trans_a, r, r + 16);
        record(w.desc_b, w.trans_b, 0, w.n);
      }
    }
  }
  group_collective(wait_run, &a, "wgmma.wait_group", file, line);
  syncwarp(0xffffffffu, file, line);
}

}  // namespace stylear::simt
