// A product of x with the codebook whose sums are compared where they are made: each block of the
// product keeps its best code per row, and a second pass takes the best of the blocks.
#include "core/ops/nearest_code.h"

#include <limits>

#include "cpu/gemm.h"
#include "cpu/run.h"

namespace stylear::cpu {

namespace {

struct Nearest {
  float distance;
  int32_t code;
};

// Ties go to the lower code; a NaN is never nearer.
class NearestOutput final : public Output {
 public:
  NearestOutput(const float* squares, int64_t blocks, Nearest* nearest)
      : squares_(squares), blocks_(blocks), nearest_(nearest) {}

  void take(int64_t row, int rows, int64_t col, int cols, const float* sums) const override {
    for (int i = 0; i < rows; ++i) {
      Nearest nearest{std::numeric_limits<float>::infinity(), static_cast<int32_t>(col)};
      for (int c = 0; c < cols; ++c) {
        const float distance = squares_[col + c] - 2.0f * sums[i * tile_cols + c];
        if (distance < nearest.distance) nearest = {distance, static_cast<int32_t>(col + c)};
      }
      nearest_[(row + i) * blocks_ + col / tile_cols] = nearest;
    }
  }

 private:
  const float* squares_;
  int64_t blocks_;
  Nearest* nearest_;
};

}  // namespace

void run(const NearestCode& op, Workers& workers) {
  const int64_t width = op.codebook.shape[1], count = op.codebook.shape[0];
  const int64_t rows = op.codes.count(), blocks = (count + tile_cols - 1) / tile_cols;
  const float *x = op.x.as<float>(), *codebook = op.codebook.as<float>();

  float* squares = workers.scratch_of<float>(count);
  workers.for_each(count, 256, [&](int64_t begin, int64_t end) {
    for (int64_t code = begin; code < end; ++code) {
      const float* c = codebook + code * width;
      Floats total{};
      for (int64_t i = 0; i < width; i += lanes) {
        const Floats v = width - i >= lanes ? load(c + i) : load(c + i, width - i);
        total = fma(v, v, total);
      }
      squares[code] = sum(total);
    }
  });

  auto* nearest = workers.scratch_of<Nearest>(rows * blocks);
  multiply(rows, count, width, DenseFactor<float>(x, width, 1),
           DenseFactor<float>(codebook, width, 1), NearestOutput(squares, blocks, nearest),
           workers);

  int32_t* codes = op.codes.as<int32_t>();
  workers.for_each(rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Nearest* of_row = nearest + row * blocks;
      int64_t best = 0;
      for (int64_t b = 1; b < blocks; ++b)
        if (of_row[b].distance < of_row[best].distance) best = b;
      codes[row] = of_row[best].code;
    }
  });
}

}  // namespace stylear::cpu
