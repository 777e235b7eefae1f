// y[rows, outs] = x[rows, in] weight[outs, in]^T for at most 64 rows where x or the weights are
// f32.
//
// A warp computes 2 or 4 outs of up to 8 rows; its lanes stride over `in` with 8 neighbouring terms
// each, and a fixed tree over the lanes ends each sum, so that an element's order of additions
// depends on `in` alone. A weight is read once per 8 rows, 16 bytes at a time; the blocks that read
// it again run beside each other and find it in L2. x comes from L1. Up to 8 rows the weights'
// bandwidth is the bound.
#pragma once

#include "epilogue.cuh"
#include "stream.h"

namespace stylear::cuda {

__device__ __forceinline__ float to_float(int8_t v) { return static_cast<float>(v); }

// 8 neighbouring elements, zero past `valid` of them (none or all where `vectors`).
template <bool vectors, class T>
__device__ __forceinline__ void load_8(const T* p, int valid, float (&v)[8]) {
  if constexpr (vectors && sizeof(T) == 1) {
    const uint2 bytes = valid > 0 ? *reinterpret_cast<const uint2*>(p) : make_uint2(0, 0);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      v[i] = static_cast<float>(static_cast<int8_t>(bytes.x >> (8 * i)));
      v[i + 4] = static_cast<float>(static_cast<int8_t>(bytes.y >> (8 * i)));
    }
  } else if constexpr (vectors) {
    if (valid > 0) {
      load(p, v);
    } else {
#pragma unroll
      for (int i = 0; i < 8; ++i) v[i] = 0;
    }
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i] = i < valid ? to_float(p[i]) : 0.0f;
  }
}

template <class X, class Weight, int rows_each, int outs_each, bool vectors>
__global__ void __launch_bounds__(256)
    skinny_fma_kernel(const X* x, const Weight* weight, int rows, int outs, int in, int row_groups,
                      Epilogue epilogue) {
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  const int row0 = blockIdx.x % row_groups * rows_each;
  const int out0 = (blockIdx.x / row_groups * 8 + warp) * outs_each;
  if (out0 >= outs) return;
  float sums[rows_each][outs_each] = {};
  for (int term = lane * 8; term < in; term += 256) {
    float w[outs_each][8];
#pragma unroll
    for (int o = 0; o < outs_each; ++o)
      load_8<vectors>(weight + int64_t{out0 + o} * in + term, out0 + o < outs ? in - term : 0,
                      w[o]);
#pragma unroll
    for (int r = 0; r < rows_each; ++r) {
      float v[8];
      load_8<vectors>(x + int64_t{row0 + r} * in + term, row0 + r < rows ? in - term : 0, v);
#pragma unroll
      for (int o = 0; o < outs_each; ++o)
#pragma unroll
        for (int i = 0; i < 8; ++i) sums[r][o] = fmaf(v[i], w[o][i], sums[r][o]);
    }
  }
  // Lane i finishes element i.
  float own = 0;
#pragma unroll
  for (int r = 0; r < rows_each; ++r)
#pragma unroll
    for (int o = 0; o < outs_each; ++o) {
      const float sum = warp_sum(sums[r][o]);
      if (lane == r * outs_each + o) own = sum;
    }
  const int row = row0 + lane / outs_each, out = out0 + lane % outs_each;
  if (lane < rows_each * outs_each && row < rows && out < outs)
    epilogue.store_with_side(row, out, own);
}

template <class X, class Weight>
void skinny_fma(Stream& stream, const X* x, const Weight* weight, int64_t rows, int64_t outs,
                int64_t in, const Epilogue& epilogue) {
  const auto go = [&](auto kernel, int rows_each, int outs_each) {
    const int64_t row_groups = ceil_div<int64_t>(rows, rows_each);
    const int64_t out_blocks = ceil_div<int64_t>(outs, 8 * outs_each);
    launch(stream, kernel, static_cast<unsigned>(row_groups * out_blocks), 256, 0, x, weight, rows,
           outs, in, row_groups, epilogue);
  };
  if (!vectors_of(8, in, x, weight))
    go(skinny_fma_kernel<X, Weight, 4, 2, false>, 4, 2);
  else if (rows == 1)
    go(skinny_fma_kernel<X, Weight, 1, 2, true>, 1, 2);
  else if (rows == 2)
    go(skinny_fma_kernel<X, Weight, 2, 2, true>, 2, 2);
  else if (rows <= 4)
    go(skinny_fma_kernel<X, Weight, 4, 4, true>, 4, 4);
  else
    go(skinny_fma_kernel<X, Weight, 8, 4, true>, 8, 4);
}

}  // namespace stylear::cuda
