// What happens to a finished sum of a linear layer or a convolution before it is stored:
//   y = f(sum * scale + side side_weight + bias) + residual
// in f32, each result on its own, so that its bits do not depend on how the results are grouped.
#pragma once

#include <cstdint>

#include "gemm.h"
#include "simd_math.h"

namespace stylear::cpu {

// A pointer to f32 or bf16, for the arguments whose dtype is free.
class FloatsAt {
 public:
  FloatsAt() = default;
  explicit FloatsAt(const TensorView& view) : data_(view.data), wide_(view.dtype == Dtype::f32) {}

  explicit operator bool() const { return data_ != nullptr; }
  Floats at(int64_t i, int count) const {
    return wide_ ? some(static_cast<const float*>(data_) + i, count)
                 : some(static_cast<const bf16*>(data_) + i, count);
  }
  void put(int64_t i, Floats v, int count) const {
    wide_ ? put_some(static_cast<float*>(data_) + i, v, count)
          : put_some(static_cast<bf16*>(data_) + i, v, count);
  }

 private:
  template <class T>
  static Floats some(const T* from, int count) {
    return count == lanes ? load(from) : load(from, count);
  }
  template <class T>
  static void put_some(T* to, Floats v, int count) {
    count == lanes ? store(to, v) : store(to, v, count);
  }

  void* data_ = nullptr;
  bool wide_ = true;
};

class Epilogue final : public Output {
 public:
  FloatsAt y;  // [rows, cols]
  int64_t cols = 0;
  const float* scale = nullptr;  // [cols]
  FloatsAt bias;                 // [cols]
  const float* side = nullptr;   // [rows, rank]
  FloatsAt side_weight;          // [rank, cols]
  int64_t rank = 0;
  Pointwise function = Pointwise::none;
  FloatsAt residual;  // [rows, cols]

  // The sums of [row] x [col, col + count).
  void take_row(int64_t row, int64_t col, int64_t count, const float* sums) const {
    for (int64_t c = 0; c < count; c += lanes) {
      const int here = static_cast<int>(count - c < lanes ? count - c : lanes);
      Floats v = here == lanes ? load(sums + c) : load(sums + c, here);
      y.put(row * cols + col + c, finish(row, col + c, here, v), here);
    }
  }

  void take(int64_t row, int rows, int64_t col, int count, const float* sums) const override {
    for (int i = 0; i < rows; ++i) take_row(row + i, col, count, sums + i * tile_cols);
  }

 private:
  Floats finish(int64_t row, int64_t col, int count, Floats v) const {
    if (scale) v = v * (count == lanes ? load(scale + col) : load(scale + col, count));
    if (side) {
      Floats update{};
      for (int64_t r = 0; r < rank; ++r)
        update = fma(splat(side[row * rank + r]), side_weight.at(r * cols + col, count), update);
      v = v + update;
    }
    if (bias) v = v + bias.at(col, count);
    if (function != Pointwise::none) v = apply(function, v);
    if (residual) v = v + residual.at(row * cols + col, count);
    return v;
  }
};

}  // namespace stylear::cpu
