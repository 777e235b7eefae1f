// What happens to the sums of a product before they are stored:
//   y[row, col] = f(sum * alpha * scale[col] + side + bias[col]) + residual[row, col]
// Everything after `sum` is optional; `side` is the update of a low-rank adapter. A product that is
// added to its target has that as residual.
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
  // `n` neighbours, in one access if n > 1.
  template <int n>
  __device__ __forceinline__ void read(int64_t i, float (&v)[n]) const {
    if (wide)
      load(static_cast<const float*>(data) + i, v);
    else
      load(static_cast<const bf16*>(data) + i, v);
  }
};

struct Epilogue {
  void* y = nullptr;
  int64_t width = 0;    // columns of y
  bool wide = true;     // y is f32
  bool vectors = true;  // 4 neighbours at a column divisible by 4 are one access
  Pointwise function = Pointwise::none;
  float alpha = 1;
  const float* scale = nullptr;  // [width]
  Values bias;                   // [width]
  Values residual;               // [rows, width], may be y

  // The low-rank update: for kernels that add it themselves, its factors...
  int rank = 0;
  const float* side = nullptr;  // [rows, rank]
  Values side_weight;           // [rank, width]
  // ... else the update is a product whose epilogue finds the sums of the first one here.
  const float* sums = nullptr;  // [rows, width]

  Epilogue() = default;
  explicit Epilogue(const TensorView& out, int64_t columns)
      : y(out.data),
        width(columns),
        wide(out.dtype == Dtype::f32),
        vectors(vectors_of(4, columns, out.data)) {}

  void set_bias(const TensorView& view) {
    bias = Values(view);
    vectors = vectors && vector_aligned(view.data);
  }
  void set_residual(const TensorView& view) {
    residual = Values(view);
    vectors = vectors && vector_aligned(view.data);
  }
  void set_scale(const TensorView& view) {
    scale = static_cast<const float*>(view.data);
    vectors = vectors && vector_aligned(view.data);
  }

  // Finishes and stores `n` neighbours: 1, or 4 where `vectors` holds. Said as single roundings,
  // since kernels for different numbers of rows must not contract differently.
  template <int n>
  __device__ __forceinline__ void store_neighbours(int64_t row, int64_t col, const float (&sum)[n],
                                                   const float (&update)[n]) const {
    const int64_t at = row * width + col;
    float v[n], other[n];
#pragma unroll
    for (int i = 0; i < n; ++i) v[i] = __fmul_rn(sum[i], alpha);
    if (scale) {
      load(scale + col, other);
#pragma unroll
      for (int i = 0; i < n; ++i) v[i] = __fmul_rn(v[i], other[i]);
    }
#pragma unroll
    for (int i = 0; i < n; ++i) v[i] = __fadd_rn(v[i], update[i]);
    if (bias.data) {
      bias.read(col, other);
#pragma unroll
      for (int i = 0; i < n; ++i) v[i] = __fadd_rn(v[i], other[i]);
    }
    if (function != Pointwise::none) {
#pragma unroll
      for (int i = 0; i < n; ++i) v[i] = apply(function, v[i]);
    }
    if (residual.data) {
      residual.read(at, other);
#pragma unroll
      for (int i = 0; i < n; ++i) v[i] = __fadd_rn(v[i], other[i]);
    }
    if (wide)
      cuda::store(static_cast<float*>(y) + at, v);
    else
      cuda::store(static_cast<bf16*>(y) + at, v);
  }

  // The same for the sums of a product, which are the update where `sums` holds the first ones.
  template <int n>
  __device__ __forceinline__ void store_product(int64_t row, int64_t col,
                                                const float (&product)[n]) const {
    if (sums) {
      float first[n];
      load(sums + row * width + col, first);
      store_neighbours(row, col, first, product);
    } else {
      const float none[n] = {};
      store_neighbours(row, col, product, none);
    }
  }
  __device__ __forceinline__ void store(int64_t row, int64_t col, float product) const {
    const float one[1] = {product};
    store_product(row, col, one);
  }
  // For a kernel whose threads have one element each.
  __device__ __forceinline__ void store_with_side(int64_t row, int64_t col, float sum) const {
    float update = 0;
    if (side) {
      const float* projected = side + row * rank;
#pragma unroll 8
      for (int r = 0; r < rank; ++r)
        update = fmaf(projected[r], side_weight[r * width + col], update);
    }
    store_neighbours(row, col, {sum}, {update});
  }
};

}  // namespace stylear::cuda
