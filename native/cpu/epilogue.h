// What happens to a finished sum of a linear layer or a convolution before it is stored:
//   y = f(sum * scale + side side_weight + bias) + residual
// in f32, each result on its own, so that its bits do not depend on how the results are grouped.
#pragma once

#include <cstdint>

#include "gemm.h"
#include "simd_math.h"
#include "sweep.h"

namespace stylear::cpu {

// A pointer to f32 or bf16, for the arguments whose dtype is free.
class FloatsAt {
 public:
  FloatsAt() = default;
  explicit FloatsAt(const TensorView& view) : data_(view.data), wide_(view.dtype == Dtype::f32) {}

  explicit operator bool() const { return data_ != nullptr; }
  // `count` lanes, or AllLanes.
  template <class Count>
  Floats at(int64_t i, Count count) const {
    return wide_ ? load(static_cast<const float*>(data_) + i, count)
                 : load(static_cast<const bf16*>(data_) + i, count);
  }
  template <class Count>
  void put(int64_t i, Floats v, Count count) const {
    wide_ ? store(static_cast<float*>(data_) + i, v, count)
          : store(static_cast<bf16*>(data_) + i, v, count);
  }
  void prefetch_at(int64_t i) const {
    prefetch(static_cast<const char*>(data_) + i * (wide_ ? sizeof(float) : sizeof(bf16)));
  }
  // f(T*) with the dtype's own T.
  template <class F>
  void visit(F&& f) const {
    wide_ ? f(static_cast<float*>(data_)) : f(static_cast<bf16*>(data_));
  }

 private:
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

  // `sums` is [rows][tile_cols], or one row of any length. Whole vectors, which are nearly all, ask
  // for no mask.
  void take(int64_t row, int rows, int64_t col, int count, const float* sums) const override {
    if (!scale && !side && !bias && !residual && function == Pointwise::none)
      return y.visit([&](auto* to) { store_sums(to, row, rows, col, count, sums); });
    sweep(0, count, [&](int64_t c, auto here) {
      for (int i = 0; i < rows; ++i) {
        const Floats v = finish(row + i, col + c, here, load(sums + i * tile_cols + c, here));
        y.put((row + i) * cols + col + c, v, here);
      }
    });
  }

  void prefetch_results(int64_t row, int rows, int64_t col) const override {
    for (int i = 0; i < rows; ++i) y.prefetch_at((row + i) * cols + col);
  }

 private:
  // Where nothing happens to them: asked vector by vector, that took a tenth of a small product.
  template <class T>
  void store_sums(T* to, int64_t row, int rows, int64_t col, int count, const float* sums) const {
    to += row * cols + col;
    for (int i = 0; i < rows; ++i, to += cols, sums += tile_cols)
      sweep(0, count, [&](int64_t c, auto here) { store(to + c, load(sums + c, here), here); });
  }

  template <class Count>
  Floats finish(int64_t row, int64_t col, Count count, Floats v) const {
    if (scale) v = v * load(scale + col, count);
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
