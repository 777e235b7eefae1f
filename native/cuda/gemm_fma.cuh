// Products in f32 by fused multiply-adds, for operands of which at least one is f32:
// c[m, n] = a[m, k] b[k, n], each sum from the first term to the last.
//
// A block of 256 threads computes a tile of 16 r x 16 r elements, a thread r x r of them in squares
// of 4 x 4 that lie 64 apart. Steps of 16 terms go through registers (where bf16 becomes f32) into
// one of two buffers in shared memory, one step ahead of the one that is multiplied, always with
// one line per term. A thread reads 2 r floats for r^2 multiply-adds; with r = 8 the multiply-adds
// are the bound.
#pragma once

#include "gemm_tiles.cuh"

namespace stylear::cuda {

template <int each_>
struct FmaTile {
  static constexpr int each = each_;  // rows and columns of a thread
  static constexpr int extent = 16 * each, threads = 256, step = 16;
  static constexpr int line = extent + 4;                     // floats of a buffer's line
  static constexpr int pieces = extent * step / 4 / threads;  // of 4, per thread and operand
  static constexpr size_t buffer = static_cast<size_t>(step) * line;  // floats
  static_assert(4 * buffer >= 64 * extent);
};
using LargeFmaTile = FmaTile<8>;
using SmallFmaTile = FmaTile<4>;

// One operand's way into shared memory.
template <class Tile, bool vectors, bool along_k>
struct FmaLoader {
  static constexpr int line_pieces = (along_k ? Tile::step : Tile::extent) / 4;
  float4 held[Tile::pieces];

  template <class Operand>
  __device__ __forceinline__ void fetch(const Operand& operand, int first_row, int first_term) {
    const int line0 = along_k ? first_row : first_term, col0 = along_k ? first_term : first_row;
#pragma unroll
    for (int i = 0; i < Tile::pieces; ++i) {
      const int index = i * Tile::threads + threadIdx.x;
      held[i] = fetch_floats<vectors>(operand, line0 + index / line_pieces,
                                      col0 + index % line_pieces * 4);
    }
  }
  __device__ __forceinline__ void put(float* buffer) const {
#pragma unroll
    for (int i = 0; i < Tile::pieces; ++i) {
      const int index = i * Tile::threads + threadIdx.x;
      const int line = index / line_pieces, col = index % line_pieces * 4;
      if constexpr (along_k) {
        buffer[col * Tile::line + line] = held[i].x;
        buffer[(col + 1) * Tile::line + line] = held[i].y;
        buffer[(col + 2) * Tile::line + line] = held[i].z;
        buffer[(col + 3) * Tile::line + line] = held[i].w;
      } else {
        *reinterpret_cast<float4*>(buffer + line * Tile::line + col) = held[i];
      }
    }
  }
};

// Where a thread's elements lie in the tile.
template <class Tile>
struct FmaPlace {
  // The 32 threads of a warp are 4 down and 8 across: they read 4 and 8 different float4.
  int down, across;

  __device__ __forceinline__ FmaPlace() {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    down = (warp / 2 * 4 + lane / 8) * 4;
    across = (warp % 2 * 8 + lane % 8) * 4;
  }
  __device__ __forceinline__ int row(int i) const { return down + i / 4 * 64 + i % 4; }
  __device__ __forceinline__ int col(int j) const { return across + j / 4 * 64 + j % 4; }
};

// sums[i][j] += the terms [first, end) of row `row0` + place.row(i) and column `col0` +
// place.col(j). `buffers` are 4 Tile::buffer floats of shared memory. Ends with all threads past
// their last read.
template <class Tile, bool vectors, bool a_along_k, bool b_along_k, class A, class B>
__device__ __forceinline__ void fma_tile(float (&sums)[Tile::each][Tile::each], const A& a,
                                         const B& b, int row0, int col0, int first, int end,
                                         float* buffers) {
  float* buffers_b = buffers + 2 * Tile::buffer;
  const FmaPlace<Tile> place;
  FmaLoader<Tile, vectors, a_along_k> load_a;
  FmaLoader<Tile, vectors, b_along_k> load_b;
  load_a.fetch(a, row0, first);
  load_b.fetch(b, col0, first);
  load_a.put(buffers);
  load_b.put(buffers_b);
  __syncthreads();
  int turn = 0;
  for (int term = first; term < end; term += Tile::step, turn ^= 1) {
    const bool more = term + Tile::step < end;
    if (more) {
      load_a.fetch(a, row0, term + Tile::step);
      load_b.fetch(b, col0, term + Tile::step);
    }
    const float* from_a = buffers + turn * Tile::buffer + place.down;
    const float* from_b = buffers_b + turn * Tile::buffer + place.across;
#pragma unroll
    for (int t = 0; t < Tile::step; ++t) {
      float x[Tile::each], y[Tile::each];
#pragma unroll
      for (int q = 0; q < Tile::each; q += 4) {
        const float4 xs = *reinterpret_cast<const float4*>(from_a + t * Tile::line + q * 16);
        const float4 ys = *reinterpret_cast<const float4*>(from_b + t * Tile::line + q * 16);
        x[q] = xs.x, x[q + 1] = xs.y, x[q + 2] = xs.z, x[q + 3] = xs.w;
        y[q] = ys.x, y[q + 1] = ys.y, y[q + 2] = ys.z, y[q + 3] = ys.w;
      }
#pragma unroll
      for (int i = 0; i < Tile::each; ++i)
#pragma unroll
        for (int j = 0; j < Tile::each; ++j) sums[i][j] = fmaf(x[i], y[j], sums[i][j]);
    }
    if (more) {
      load_a.put(buffers + (turn ^ 1) * Tile::buffer);
      load_b.put(buffers_b + (turn ^ 1) * Tile::buffer);
    }
    __syncthreads();
  }
}

template <class Tile, bool vectors, bool a_along_k, bool b_along_k, class A, class B>
__global__ void __launch_bounds__(Tile::threads, Tile::each == 8 ? 1 : 2)
    gemm_fma_kernel(A a, B b, GemmShape shape, Epilogue epilogue, float* shares) {
  SharedCarver carve;
  float* buffers = carve.take<float>(4 * Tile::buffer);
  const TilePlace tile(shape, Tile::extent, Tile::extent);
  const int first = blockIdx.y * shape.share;
  float sums[Tile::each][Tile::each] = {};
  fma_tile<Tile, vectors, a_along_k, b_along_k>(sums, a, b, tile.row, tile.col, first,
                                                min(first + shape.share, shape.k), buffers);
  // 64 rows at a time fit where the buffers were.
  const FmaPlace<Tile> place;
#pragma unroll
  for (int half = 0; half < Tile::each; half += 4) {
#pragma unroll
    for (int i = half; i < half + 4; ++i)
#pragma unroll
      for (int j = 0; j < Tile::each; j += 4)
        *reinterpret_cast<float4*>(
            buffers + sum_place<Tile::extent>(place.row(i) - half * 16, place.col(j))) =
            make_float4(sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3]);
    __syncthreads();
    store_sums<Tile::threads, 64, Tile::extent>(buffers, tile.row + half * 16, tile.col, shape,
                                                epilogue, shares);
    __syncthreads();
  }
}

template <class Tile, bool vectors, bool a_along_k, bool b_along_k, class A, class B>
void gemm_fma_tiled(Stream& stream, const A& a, const B& b, GemmShape shape,
                    const Epilogue& epilogue) {
  const int64_t tiles = tiles_of(shape, Tile::extent, Tile::extent);
  split(shape, tiles, Tile::step);
  float* shares =
      shape.splits > 1 ? stream.scratch<float>(int64_t{shape.splits} * shape.m * shape.n) : nullptr;
  launch(stream, gemm_fma_kernel<Tile, vectors, a_along_k, b_along_k, A, B>,
         dim3(static_cast<unsigned>(tiles), shape.splits), Tile::threads,
         SharedSize().add<float>(4 * Tile::buffer).bytes(), a, b, shape, epilogue, shares);
  if (shares) add_shares(stream, shares, shape, epilogue);
}

// c = a b through `epilogue`. a has lines of m along k or lines of k along m; so has b with n.
template <bool a_along_k, bool b_along_k, class A, class B>
void gemm_fma(Stream& stream, const A& a, const B& b, const GemmShape& shape,
              const Epilogue& epilogue) {
  if (!a.vectors || !b.vectors)
    gemm_fma_tiled<SmallFmaTile, false, a_along_k, b_along_k>(stream, a, b, shape, epilogue);
  else if (tiles_of(shape, LargeFmaTile::extent, LargeFmaTile::extent) < busy_blocks)
    gemm_fma_tiled<SmallFmaTile, true, a_along_k, b_along_k>(stream, a, b, shape, epilogue);
  else
    gemm_fma_tiled<LargeFmaTile, true, a_along_k, b_along_k>(stream, a, b, shape, epilogue);
}

}  // namespace stylear::cuda
