// Attention on f32 multiply-add units, for f32 tensors and for heads wider than the tensor-core
// kernels take. A block of 16x16 threads makes tiles of 64x64 results, 4x4 per thread, in rows
// 4 * ty + i and columns 4 * tx + j; operands pass through shared memory in slices.
#pragma once

#include "../ptx.h"
#include "attention.cuh"

namespace stylear::cuda {

constexpr int plain_tile = 64, plain_threads = 256, plain_slice = 32;
constexpr int plain_pitch = plain_tile + 4;  // keeps rows of 16 bytes apart and aligned

__device__ __forceinline__ int plain_tx() { return threadIdx.x & 15; }
__device__ __forceinline__ int plain_ty() { return int(threadIdx.x) >> 4; }

// Columns [column, column + 32) of rows [first, first + 64) as to[column][row]; zero outside. A
// warp reads 8 neighbouring columns of 4 rows, whole sectors, and writes to 32 different banks.
template <class T>
__device__ __forceinline__ void load_slice(float* to, const HeadRows<T>& rows, int first, int end,
                                           int column, int dim) {
#pragma unroll 2
  for (int i = 0; i < plain_tile * plain_slice / plain_threads; ++i) {
    const int id = i * plain_threads + int(threadIdx.x);
    const int row = id / 8 % plain_tile, c = id / 8 / plain_tile * 8 + id % 8;
    const bool inside = first + row < end && column + c < dim;
    to[c * plain_pitch + row] = inside ? to_float(rows[first + row][column + c]) : 0.f;
  }
}

// Columns [column, column + 64) of rows [first, first + 64) as to[row][column]; zero outside.
template <class T>
__device__ __forceinline__ void load_block(float* to, const HeadRows<T>& rows, int first, int end,
                                           int column, int dim) {
#pragma unroll 2
  for (int i = 0; i < plain_tile * plain_tile / plain_threads; ++i) {
    const int id = i * plain_threads + int(threadIdx.x);
    const int row = id / plain_tile, c = id % plain_tile;
    const bool inside = first + row < end && column + c < dim;
    to[row * plain_pitch + c] = inside ? to_float(rows[first + row][column + c]) : 0.f;
  }
}

__device__ __forceinline__ void plain_clear(float (&s)[4][4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) s[i][j] = 0.f;
}

// s[i][j] += sum over `depth` of a[d][4 * ty + i] * b[d][4 * tx + j].
template <int depth>
__device__ __forceinline__ void multiply_tiles(float (&s)[4][4], const float* a, const float* b) {
#pragma unroll 4
  for (int d = 0; d < depth; ++d) {
    float x[4], y[4];
    load(a + d * plain_pitch + 4 * plain_ty(), x);
    load(b + d * plain_pitch + 4 * plain_tx(), y);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) s[i][j] = fmaf(x[i], y[j], s[i][j]);
  }
}

// s = the 64x64 products of rows a0.. of a with rows b0.. of b. `space` holds two slices.
template <class T>
__device__ __forceinline__ void dot_rows(float (&s)[4][4], float* space, const HeadRows<T>& a,
                                         int a0, int a_end, const HeadRows<T>& b, int b0, int b_end,
                                         int dim) {
  float* other = space + plain_slice * plain_pitch;
  plain_clear(s);
  for (int column = 0; column < dim; column += plain_slice) {
    __syncthreads();  // the last use of the space is over
    load_slice(space, a, a0, a_end, column, dim);
    load_slice(other, b, b0, b_end, column, dim);
    __syncthreads();
    multiply_tiles<plain_slice>(s, space, other);
  }
}

// acc[n] += w^T x for columns [column + 64 * n, ..) of 64 rows x0.. of x, where w is [64][64] in
// shared memory with the rows of x down. `space` holds one block.
template <int N, class T>
__device__ __forceinline__ void add_weighted_rows(float (&acc)[N][4][4], float* space,
                                                  const float* w, const HeadRows<T>& x, int x0,
                                                  int x_end, int column, int dim) {
#pragma unroll
  for (int n = 0; n < N; ++n) {
    const int at = column + n * plain_tile;
    if (at >= dim) break;
    __syncthreads();  // w is written, and the last use of the space is over
    load_block(space, x, x0, x_end, at, dim);
    __syncthreads();
    multiply_tiles<plain_tile>(acc[n], w, space);
  }
}

// Writes a thread's results, transposed, to w[column][row].
__device__ __forceinline__ void put_transposed(float* w, const float (&s)[4][4]) {
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const float column[4] = {s[0][j], s[1][j], s[2][j], s[3][j]};
    store(w + (4 * plain_tx() + j) * plain_pitch + 4 * plain_ty(), column);
  }
}

template <int N, class T>
__device__ __forceinline__ void store_results(const float (&acc)[N][4][4], const float (&factor)[4],
                                              const HeadRows<T>& rows, int first, int end,
                                              int column, int dim) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int row = first + 4 * plain_ty() + i;
    if (row >= end) continue;
    T* to = rows[row];
#pragma unroll
    for (int n = 0; n < N; ++n)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int c = column + n * plain_tile + 4 * plain_tx() + j;
        if (c < dim) to[c] = from_float<T>(acc[n][i][j] * factor[i]);
      }
  }
}

// Calls f with the number of 64-column blocks that a thread block sums, at most `most`.
template <int most, class F>
void with_column_blocks(int dim, F f) {
  if (dim <= 64) return f(std::integral_constant<int, 1>());
  if (dim <= 128) return f(std::integral_constant<int, 2>());
  if (most == 4 || dim <= 256) return f(std::integral_constant<int, 4>());
  return f(std::integral_constant<int, most>());
}

}  // namespace stylear::cuda
