// simt_ptx.cpp - warp-level matrix instructions. Fragment layouts follow the PTX ISA manual.
#include <bit>
#include <cstring>

#include "instructions.h"

namespace stylear::simt {
namespace {

struct LdmatrixArg {
  uint32_t* r;
  const void* row;
};

template <int Count, bool Trans>
void ldmatrix_run(void* const* args, uint32_t mask) {
  if (mask != 0xffffffffu) fail("ldmatrix needs a full warp");
  Stats& st = stats();
  ++st.ldmatrix;
  for (int m = 0; m < Count; ++m) {
    uint16_t t[8][8];
    unsigned groups[8] = {}, worst = 1;
    for (int i = 0; i < 8; ++i) {
      const void* p = static_cast<LdmatrixArg*>(args[m * 8 + i])->row;
      std::memcpy(t[i], p, 16);
      unsigned g = (shared_offset(p) >> 4) & 7;  // 8 groups of 4 banks
      worst = std::max(worst, ++groups[g]);
    }
    st.ldmatrix_conflicts += worst - 1;
    for (int l = 0; l < 32; ++l) {
      int row = l >> 2, col = (l & 3) * 2;
      uint16_t lo = Trans ? t[col][row] : t[row][col],
               hi = Trans ? t[col + 1][row] : t[row][col + 1];
      static_cast<LdmatrixArg*>(args[l])->r[m] = uint32_t(hi) << 16 | lo;
    }
  }
}

struct MmaArg {
  float* d;
  const uint32_t *a, *b;
};
inline float lo(uint32_t v) { return std::bit_cast<float>(v << 16); }
inline float hi(uint32_t v) { return std::bit_cast<float>(v & 0xffff0000u); }

typedef float Row __attribute__((vector_size(32)));  // one row of 8 columns

void mma_run(void* const* args, uint32_t mask) {
  if (mask != 0xffffffffu) fail("mma.sync needs a full warp");
  ++stats().mma;
  alignas(64) float A[16][16];
  union {
    Row v[16];
    float f[16][8];
  } B, C;
  for (int l = 0; l < 32; ++l) {
    auto* q = static_cast<MmaArg*>(args[l]);
    int g = l >> 2, t = (l & 3) * 2;
    A[g][t] = lo(q->a[0]);
    A[g][t + 1] = hi(q->a[0]);
    A[g + 8][t] = lo(q->a[1]);
    A[g + 8][t + 1] = hi(q->a[1]);
    A[g][t + 8] = lo(q->a[2]);
    A[g][t + 9] = hi(q->a[2]);
    A[g + 8][t + 8] = lo(q->a[3]);
    A[g + 8][t + 9] = hi(q->a[3]);
    B.f[t][g] = lo(q->b[0]);
    B.f[t + 1][g] = hi(q->b[0]);
    B.f[t + 8][g] = lo(q->b[1]);
    B.f[t + 9][g] = hi(q->b[1]);
    C.f[g][t] = q->d[0];
    C.f[g][t + 1] = q->d[1];
    C.f[g + 8][t] = q->d[2];
    C.f[g + 8][t + 1] = q->d[3];
  }
  for (int i = 0; i < 16; i += 4) {
    Row c0 = C.v[i], c1 = C.v[i + 1], c2 = C.v[i + 2], c3 = C.v[i + 3];
    for (int k = 0; k < 16; ++k) {
      Row b = B.v[k];
      c0 += A[i][k] * b;
      c1 += A[i + 1][k] * b;
      c2 += A[i + 2][k] * b;
      c3 += A[i + 3][k] * b;
    }
    C.v[i] = c0;
    C.v[i + 1] = c1;
    C.v[i + 2] = c2;
    C.v[i + 3] = c3;
  }
  for (int l = 0; l < 32; ++l) {
    auto* q = static_cast<MmaArg*>(args[l]);
    int g = l >> 2, t = (l & 3) * 2;
    q->d[0] = C.f[g][t];
    q->d[1] = C.f[g][t + 1];
    q->d[2] = C.f[g + 8][t];
    q->d[3] = C.f[g + 8][t + 1];
  }
}

}  // namespace

void ldmatrix(uint32_t* r, const void* row, int count, bool trans, const char* file, int line) {
  if (reinterpret_cast<uintptr_t>(row) % 16)
    fail("ldmatrix at %s:%d: row address is not 16-byte aligned", file, line);
  // ldmatrix.x1/.x2 take their addresses from the first 8/16 lanes only
  if (current->lane < unsigned(count) * 8) shared_read(row, 16);
  LdmatrixArg a{r, row};
  WarpFunction fn = count == 4   ? (trans ? ldmatrix_run<4, true> : ldmatrix_run<4, false>)
                    : count == 2 ? (trans ? ldmatrix_run<2, true> : ldmatrix_run<2, false>)
                                 : (trans ? ldmatrix_run<1, true> : ldmatrix_run<1, false>);
  warp_collective(0xffffffffu, fn, &a, trans ? "ldmatrix.trans" : "ldmatrix", file, line);
}

void mma_bf16_16816(float* d, const uint32_t* a, const uint32_t* b, const char* file, int line) {
  MmaArg q{d, a, b};
  warp_collective(0xffffffffu, mma_run, &q, "mma.sync.m16n8k16", file, line);
}

}  // namespace stylear::simt
