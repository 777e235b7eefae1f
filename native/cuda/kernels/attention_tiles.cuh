// Tiles of bf16 rows in shared memory and what a warp does with them through mma.sync m16n8k16. A
// warp owns 16 rows of a result; its accumulator of width 8 * N is float[N][4], where lane 4 * g +
// t holds columns 8 * i + 2 * t and the next of row g in [i][0..1] and of row g + 8 in [i][2..3].
#pragma once

#include "../ptx.h"
#include "attention.cuh"

namespace stylear::cuda {

// A row of a tile takes 16 bytes more than its elements, an odd number of 16-byte pieces, so that
// the eight rows that ldmatrix reads at once fall into different banks.
constexpr int tile_pitch(int width) { return width + 8; }
constexpr int tile_elements(int rows, int width) { return rows * tile_pitch(width); }

// Fetches rows [first, first + N) as a tile of `Width` columns, asynchronously where rows are wide.
// Rows from `end` on and columns from `dim` on are zero. `rows[i]` points to row i, `rows.first` to
// anything.
template <int N, int Width, int Threads, class Rows>
__device__ __forceinline__ void load_tile(bf16* tile, const Rows& rows, int first, int end, int dim,
                                          bool wide) {
  constexpr int pieces = Width / 8, total = N * pieces;
#pragma unroll 2
  for (int i = 0; i < ceil_div(total, Threads); ++i) {
    const int id = i * Threads + int(threadIdx.x), row = id / pieces, column = id % pieces * 8;
    if (total % Threads != 0 && id >= total) break;
    bf16* to = tile + row * tile_pitch(Width) + column;
    const bool inside = first + row < end && column < dim;
    const bf16* from = inside ? rows[first + row] + column : rows.first;
    if (wide) {
      ptx::cp_async_16(to, from, inside);
    } else {
#pragma unroll
      for (int c = 0; c < 8; ++c)
        to[c] = inside && column + c < dim ? from[c] : __float2bfloat16_rn(0.f);
    }
  }
}

// The 16x16 piece of a warp's rows (`tile` is its first) that starts at column 16 * step, as the
// left operand.
template <int Width>
__device__ __forceinline__ void left_operand(uint32_t (&a)[4], const bf16* tile, int step) {
  const int lane = threadIdx.x & 31;
  ptx::ldmatrix_x4(a, tile + (lane & 15) * tile_pitch(Width) + 16 * step + (lane >> 4) * 8);
}

// s += a * tile^T for 16 columns of a and of the tile; tile row j makes column j of s.
template <int Width, int N>
__device__ __forceinline__ void add_dots(float (&s)[N][4], const uint32_t (&a)[4], const bf16* tile,
                                         int step) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int i = 0; i < N; i += 2) {
    uint32_t b[4];
    ptx::ldmatrix_x4(b, tile + (i * 8 + (lane >> 4) * 8 + (lane & 7)) * tile_pitch(Width) +
                            16 * step + ((lane >> 3) & 1) * 8);
    const uint32_t b0[2] = {b[0], b[1]}, b1[2] = {b[2], b[3]};
    ptx::mma_bf16_16816(s[i], a, b0);
    ptx::mma_bf16_16816(s[i + 1], a, b1);
  }
}

// acc += a * (16 rows of a tile), over 8 * N columns from `column` on.
template <int Width, int N>
__device__ __forceinline__ void add_rows(float (&acc)[N][4], const uint32_t (&a)[4],
                                         const bf16* tile, int column) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int i = 0; i < N; i += 2) {
    uint32_t b[4];
    ptx::ldmatrix_x4_trans(
        b, tile + (lane & 15) * tile_pitch(Width) + column + i * 8 + (lane >> 4) * 8);
    const uint32_t b0[2] = {b[0], b[1]}, b1[2] = {b[2], b[3]};
    ptx::mma_bf16_16816(acc[i], a, b0);
    ptx::mma_bf16_16816(acc[i + 1], a, b1);
  }
}

// Columns 16 * step to 16 * step + 15 of an accumulator, rounded, as the left operand.
template <int N>
__device__ __forceinline__ void rounded_operand(uint32_t (&a)[4], const float (&s)[N][4],
                                                int step) {
  a[0] = pack_bf16(s[2 * step][0], s[2 * step][1]);
  a[1] = pack_bf16(s[2 * step][2], s[2 * step][3]);
  a[2] = pack_bf16(s[2 * step + 1][0], s[2 * step + 1][1]);
  a[3] = pack_bf16(s[2 * step + 1][2], s[2 * step + 1][3]);
}

template <int N>
__device__ __forceinline__ void clear(float (&acc)[N][4]) {
#pragma unroll
  for (int i = 0; i < N; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) acc[i][j] = 0.f;
}

// Writes a warp's accumulator, times `low` (row g) and `high` (row g + 8), to columns
// [column, column + 8 * N) of rows [first, first + 16) below `end`. It passes through the warp's
// own 16 rows of a tile that nobody else reads any more, so that a store is 16 bytes where rows are
// wide.
template <int Width, int N>
__device__ __forceinline__ void store_rows(const float (&acc)[N][4], float low, float high,
                                           bf16* tile, const HeadRows<bf16>& rows, int first,
                                           int end, int column, int dim, bool wide) {
  const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  __syncwarp();
#pragma unroll
  for (int i = 0; i < N; ++i) {
    bf16* to = tile + g * tile_pitch(Width) + i * 8 + t * 2;
    *reinterpret_cast<uint32_t*>(to) = pack_bf16(acc[i][0] * low, acc[i][1] * low);
    *reinterpret_cast<uint32_t*>(to + 8 * tile_pitch(Width)) =
        pack_bf16(acc[i][2] * high, acc[i][3] * high);
  }
  __syncwarp();
#pragma unroll
  for (int i = 0; i < ceil_div(16 * N, 32); ++i) {
    const int id = i * 32 + lane, row = id / N, at = id % N * 8;
    if (row >= 16 || first + row >= end || column + at >= dim) continue;
    const bf16* from = tile + row * tile_pitch(Width) + at;
    bf16* to = rows[first + row] + column + at;
    if (wide) {
      *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
    } else {
#pragma unroll
      for (int c = 0; c < 8; ++c)
        if (column + at + c < dim) to[c] = from[c];
    }
  }
  __syncwarp();
}

// The softmax of a thread's two rows of scores, tile after tile: the greatest score, the thread's
// part of the sum of weights, and what sums of the tiles before have to be multiplied with.
struct RowSoftmax {
  float top[2] = {-INFINITY, -INFINITY}, sum[2] = {0.f, 0.f}, shrink[2] = {1.f, 1.f};

  // Turns the scores of a tile into weights.
  template <int N>
  __device__ __forceinline__ void weigh(float (&s)[N][4], float factor) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float now = top[r];
#pragma unroll
      for (int i = 0; i < N; ++i) now = fmaxf(now, fmaxf(s[i][2 * r], s[i][2 * r + 1]));
      now = fmaxf(now, __shfl_xor_sync(full_warp, now, 1));
      now = fmaxf(now, __shfl_xor_sync(full_warp, now, 2));
      const float seen = now == -INFINITY ? 0.f : now, base = seen * factor;
      // Of the difference: top * factor - base becomes one multiply-add, which for the same greatest
      // score is the rounding of `base` instead of 0, and every tile would scale by it.
      shrink[r] = ptx::exp2_approx((top[r] - seen) * factor);
      top[r] = now;
      float total = 0.f;
#pragma unroll
      for (int i = 0; i < N; ++i) {
        s[i][2 * r] = ptx::exp2_approx(s[i][2 * r] * factor - base);
        s[i][2 * r + 1] = ptx::exp2_approx(s[i][2 * r + 1] * factor - base);
        total += s[i][2 * r] + s[i][2 * r + 1];
      }
      sum[r] = sum[r] * shrink[r] + total;
    }
  }

  template <int N>
  __device__ __forceinline__ void rescale(float (&acc)[N][4]) const {
#pragma unroll
    for (int i = 0; i < N; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) acc[i][j] *= shrink[j >> 1];
  }

  // What sums of weighted rows of v are multiplied with in the end; 0 where a row, the first one or
  // that 8 further on, has no keys. Writes their lse, at `lse` for row 0, unless that is null.
  __device__ __forceinline__ void finish(float (&inverse)[2], const int (&ends)[2], float scale,
                                         float* lse, int first, int rows) const {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float all = sum[r];
      all += __shfl_xor_sync(full_warp, all, 1);
      all += __shfl_xor_sync(full_warp, all, 2);
      inverse[r] = ends[r] > 0 ? 1.f / all : 0.f;
      const int row = first + r * 8;
      if (lse && (threadIdx.x & 3) == 0 && row < rows)
        lse[row] = ends[r] > 0 ? top[r] * softmax_factor(scale) + logf(all) : -INFINITY;
    }
  }
};

// Scores of keys that a thread's rows do not see, from `ends` on, counted from the tile's first,
// become minus infinity.
template <int N>
__device__ __forceinline__ void mask(float (&s)[N][4], const int (&ends)[2]) {
  const int t = threadIdx.x & 3, after[2] = {ends[0] - 2 * t, ends[1] - 2 * t};
#pragma unroll
  for (int i = 0; i < N; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (i * 8 + (j & 1) >= after[j >> 1]) s[i][j] = -INFINITY;
}

// Calls f with the tile width for `dim`, which is at most 256, as a compile-time constant.
template <class F>
void with_tile_width(int dim, F f) {
  if (dim <= 32) return f(std::integral_constant<int, 32>());
  if (dim <= 64) return f(std::integral_constant<int, 64>());
  if (dim <= 80) return f(std::integral_constant<int, 80>());
  if (dim <= 128) return f(std::integral_constant<int, 128>());
  return f(std::integral_constant<int, 256>());
}

}  // namespace stylear::cuda
