// What happens to the sums of a product before they are stored, one element at a time:
//   y[row, col] = f(sum * alpha * scale[col] + side[row, :] side_weight[:, col] + bias[col])
//                 + residual[row, col]
// Everything after `sum` is optional. A product that is added to its target has that as residual.
#pragma once

#include "../core/tensor.h"
#include "pointwise.h"

namespace stylear::cuda {

// Values of f32 or bf16, told apart at run time; the dtype is the same for all threads.
struct Values {
  const void* data = nullptr;
  bool wide = true;  // f32

  Values() = default;
  Values(const TensorView& view) : data(view.data), wide(view.dtype == Dtype::f32) {}
  __device__ __forceinline__ float operator[](int64_t i) const {
    return wide ? static_cast<const float*>(data)[i] : to_float(static_cast<const bf16*>(data)[i]);
  }
};

struct Epilogue {
  void* y = nullptr;
  int64_t width = 0;  // columns of y
  bool wide = true;   // y is f32
  Pointwise function = Pointwise::none;
  float alpha = 1;
  int rank = 0;                  // columns of side
  const float* scale = nullptr;  // [width]
  const float* side = nullptr;   // [rows, rank]
  Values side_weight;            // [rank, width]
  Values bias;                   // [width]
  Values residual;               // [rows, width], may be y

  Epilogue() = default;
  explicit Epilogue(const TensorView& out, int64_t columns)
      : y(out.data), width(columns), wide(out.dtype == Dtype::f32) {}

  __device__ __forceinline__ void store(int64_t row, int64_t col, float sum) const {
    // Said as single roundings: kernels for different numbers of rows must not contract
    // differently.
    float v = __fmul_rn(sum, alpha);
    if (scale) v = __fmul_rn(v, scale[col]);
    if (side) {
      float added = 0;
      const float* projected = side + row * rank;
      for (int r = 0; r < rank; ++r)
        added = fmaf(projected[r], side_weight[r * width + col], added);
      v = __fadd_rn(v, added);
    }
    if (bias.data) v = __fadd_rn(v, bias[col]);
    v = apply(function, v);
    const int64_t at = row * width + col;
    if (residual.data) v = __fadd_rn(v, residual[at]);
    if (wide)
      static_cast<float*>(y)[at] = v;
    else
      static_cast<bf16*>(y)[at] = from_float<bf16>(v);
  }
};

}  // namespace stylear::cuda
