// The packed multiplication: products that are bound by arithmetic come through here, but for those
// of attention and of convolutions by squares (tile_product.h).
#pragma once

#include <cstdint>

#include "factor.h"
#include "workers.h"

namespace stylear::cpu {

// What becomes of the finished sums.
class Output {
 public:
  // Takes the sums of [row, row + rows) x [col, col + cols): `sums` is [rows][tile_cols]. Called
  // once for each element, from several threads.
  virtual void take(int64_t row, int rows, int64_t col, int cols, const float* sums) const = 0;

  // Asks memory for what `take` will write.
  virtual void prefetch_results(int64_t row, int rows, int64_t col) const {
    static_cast<void>(row), static_cast<void>(rows), static_cast<void>(col);
  }

 protected:
  ~Output() = default;
};

// The block of results that is summed in registers: two vectors wide, and as many rows as leave
// registers for the two vectors of the right side and the spread element of the left one.
constexpr int tile_cols = 2 * lanes;
constexpr int tile_rows = lanes == 16 ? 14 : 6;

// out(i, j) = sum over d of a(i, d) * b(j, d), i < rows, j < cols, d < depth.
//
// Sums run over depth in blocks of a fixed length: within a block one fused multiply-add after the
// other, then the blocks in order. The bits of a result depend on `depth` and the two lines alone,
// not on the other lines nor on the threads.
void multiply(int64_t rows, int64_t cols, int64_t depth, const Factor& a, const Factor& b,
              const Output& out, Workers& workers);

// The same with the arithmetic chosen by hand; bf16_pairs when both factors hold bf16.
void multiply(Arithmetic arithmetic, int64_t rows, int64_t cols, int64_t depth, const Factor& a,
              const Factor& b, const Output& out, Workers& workers);

}  // namespace stylear::cpu
