// Matrix instructions of a warp. The layouts of fragments are those of the PTX manual, 9.7.14.
#include <algorithm>
#include <bit>
#include <cstring>

#include "instructions.h"

namespace stylear::simt {
namespace {

struct LdmatrixArg {
  uint32_t* r;
  const void* row;
};

template <int count, bool transposed>
void ldmatrix_run(void* const* args, uint32_t mask) {
  if (mask != 0xffffffffu) fail("ldmatrix needs a full warp");
  ++stats().ldmatrix;
  for (int m = 0; m < count; ++m) {
    uint16_t t[8][8];
    unsigned in_banks[8] = {}, worst = 1;  // rows per group of 4 banks
    for (int i = 0; i < 8; ++i) {
      const void* row = static_cast<LdmatrixArg*>(args[m * 8 + i])->row;
      std::memcpy(t[i], row, 16);
      worst = std::max(worst, ++in_banks[(shared_offset(row) >> 4) & 7]);
    }
    stats().ldmatrix_conflicts += worst - 1;
    for (int lane = 0; lane < 32; ++lane) {
      const int row = lane / 4, column = lane % 4 * 2;
      const uint16_t lo = transposed ? t[column][row] : t[row][column];
      const uint16_t hi = transposed ? t[column + 1][row] : t[row][column + 1];
      static_cast<LdmatrixArg*>(args[lane])->r[m] = uint32_t{hi} << 16 | lo;
    }
  }
}

struct MmaArg {
  float* d;
  const uint32_t *a, *b;
};
float lo(uint32_t v) { return std::bit_cast<float>(v << 16); }
float hi(uint32_t v) { return std::bit_cast<float>(v & 0xffff0000u); }

void mma_run(void* const* args, uint32_t mask) {
  if (mask != 0xffffffffu) fail("mma.sync needs a full warp");
  ++stats().mma;
  float a[16][16], b[16][8], d[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const auto* x = static_cast<const MmaArg*>(args[lane]);
    const int g = lane / 4, t = lane % 4 * 2;
    for (int part = 0; part < 4; ++part) {  // rows g and g + 8, columns t and t + 8
      const int row = g + part % 2 * 8, column = t + part / 2 * 8;
      a[row][column] = lo(x->a[part]), a[row][column + 1] = hi(x->a[part]);
    }
    for (int part = 0; part < 2; ++part)
      b[t + part * 8][g] = lo(x->b[part]), b[t + part * 8 + 1][g] = hi(x->b[part]);
    for (int part = 0; part < 2; ++part)
      d[g + part * 8][t] = x->d[part * 2], d[g + part * 8][t + 1] = x->d[part * 2 + 1];
  }
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 16; ++k)
      for (int j = 0; j < 8; ++j) d[i][j] += a[i][k] * b[k][j];
  for (int lane = 0; lane < 32; ++lane) {
    float* to = static_cast<MmaArg*>(args[lane])->d;
    const int g = lane / 4, t = lane % 4 * 2;
    for (int part = 0; part < 2; ++part)
      to[part * 2] = d[g + part * 8][t], to[part * 2 + 1] = d[g + part * 8][t + 1];
  }
}

}  // namespace

void ldmatrix(uint32_t* r, const void* row, int count, bool transposed, const char* file,
              int line) {
  if (reinterpret_cast<uintptr_t>(row) % 16)
    fail("ldmatrix at %s:%d: row address is not 16-byte aligned", file, line);
  // One and two matrices take their addresses from the first 8 and 16 lanes only.
  if (current->lane < unsigned(count) * 8) shared_read(row, 16);
  LdmatrixArg a{r, row};
  const WarpFunction together =
      count == 4   ? (transposed ? ldmatrix_run<4, true> : ldmatrix_run<4, false>)
      : count == 2 ? (transposed ? ldmatrix_run<2, true> : ldmatrix_run<2, false>)
                   : (transposed ? ldmatrix_run<1, true> : ldmatrix_run<1, false>);
  warp_collective(0xffffffffu, together, &a, transposed ? "ldmatrix.trans" : "ldmatrix", file,
                  line);
}

void mma_bf16_16816(float* d, const uint32_t* a, const uint32_t* b, const char* file, int line) {
  MmaArg q{d, a, b};
  warp_collective(0xffffffffu, mma_run, &q, "mma.sync.m16n8k16", file, line);
}

}  // namespace stylear::simt
