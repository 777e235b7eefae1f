// y[rows, outs] = x[rows, in] weight[outs, in]^T for at most 64 rows of bf16 and weights of bf16 or
// i8, bound by reading the weights once.
//
// A block computes all rows of 16 or 32 outs. Its 8 warps share out `in`: warp w takes steps w,
// w + 8, ... of 128 bytes of every weight row, and the 8 partial sums are added in order. A lane's
// 16-byte load from a weight row is its part of the fragments of two (i8: four) mma.m16n8k16 with
// outs as m and 8 rows of x as n; the terms are permuted alike in both operands, which a sum does
// not mind. Weights travel through a ring in shared memory of which each lane has its own slots, so
// that many loads are under way without registers or barriers. x is read from L1 or L2, once per
// block.
//
// An element of y is the same chain of mma for any number of rows, since columns of a mma do not
// meet, and the chain is cut by `in` alone: a row's bits do not depend on the rows beside it.
#pragma once

#include "epilogue.cuh"
#include "ptx.h"
#include "stream.h"

namespace stylear::cuda {

constexpr int skinny_rows = 64;

// The four bytes of `v`, each a signed integer, as two pairs of bf16; exact. A byte with its sign
// flipped below the exponent of 2^23 is a float 2^23 + 128 too large.
__device__ __forceinline__ uint2 bf16_of_bytes(uint32_t v) {
  const uint32_t flipped = v ^ 0x80808080u;
  const auto number = [&](int byte) {
    return __uint_as_float(__byte_perm(flipped, 0x4b000000u, 0x7440u + byte)) - 8388736.0f;
  };
  const auto upper_halves = [](float lo, float hi) {
    return __byte_perm(__float_as_uint(lo), __float_as_uint(hi), 0x7632u);
  };
  return make_uint2(upper_halves(number(0), number(1)), upper_halves(number(2), number(3)));
}

// 16 bytes of weights as pairs of bf16.
__device__ __forceinline__ void pairs_of(uint4 v, uint32_t (&pairs)[4]) {
  pairs[0] = v.x, pairs[1] = v.y, pairs[2] = v.z, pairs[3] = v.w;
}
__device__ __forceinline__ void pairs_of(uint4 v, uint32_t (&pairs)[8]) {
  const uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const uint2 two = bf16_of_bytes(words[i]);
    pairs[2 * i] = two.x, pairs[2 * i + 1] = two.y;
  }
}

template <class Weight, int row_tiles_, int out_tiles_>
struct SkinnyMma {
  static constexpr int row_tiles = row_tiles_;  // of 8 rows
  static constexpr int out_tiles = out_tiles_;  // of 16 outs
  static constexpr int warps = 8, threads = 32 * warps, outs = 16 * out_tiles;
  static constexpr int lane_terms = 16 / sizeof(Weight);          // of one load
  static constexpr int piece = 4 * lane_terms, step = 2 * piece;  // terms
  static constexpr int stages = out_tiles == 1 ? 4 : 3;
  static constexpr int stage_loads = out_tiles * 4;  // of a lane: tile, piece, half
  static constexpr size_t ring = size_t{warps} * stages * stage_loads * 32;  // in 16 bytes
  // Partial sums [warp, row, out], where the ring was. Lines of outs + 4 keep lanes off each
  // other's banks.
  static constexpr int line = outs + 4;
  static constexpr size_t partials = size_t{warps} * row_tiles * 8 * line;  // floats
  // Then the factors of a low-rank update: [rows, rank] and [rank, outs].
  static constexpr int most_rank = 64;
  static constexpr size_t side = size_t{most_rank} * (row_tiles * 8 + outs);  // floats
  static constexpr size_t at_end = (partials + side) * 4;                     // bytes
  static constexpr size_t shared = ring * 16 > at_end ? ring * 16 : at_end;
};

// What lies at `terms` neighbouring elements, as 16-byte words; past `valid` of them zero.
template <int words, class T>
__device__ __forceinline__ void gather(const T* p, int valid, uint4 (&to)[words]) {
  constexpr int count = 16 / sizeof(T);
  union {
    T elements[words * count];
    uint4 packed[words];
  } all;
#pragma unroll
  for (int i = 0; i < words; ++i) all.packed[i] = make_uint4(0, 0, 0, 0);
#pragma unroll
  for (int i = 0; i < words * count; ++i)
    if (i < valid) all.elements[i] = p[i];
#pragma unroll
  for (int i = 0; i < words; ++i) to[i] = all.packed[i];
}

template <class Weight, int row_tiles, int out_tiles, bool vectors>
__global__ void __launch_bounds__(256, row_tiles* out_tiles <= 2 ? 2 : 1)
    skinny_mma_kernel(const bf16* x, const Weight* weight, int rows, int outs, int in,
                      Epilogue epilogue) {
  using Shape = SkinnyMma<Weight, row_tiles, out_tiles>;
  constexpr int lane_terms = Shape::lane_terms, x_words = lane_terms / 8;
  SharedCarver carve;
  uint4* shared = carve.take<uint4>(Shape::shared / 16);
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  const int out0 = blockIdx.x * Shape::outs;
  const int steps = ceil_div(in, Shape::step);
  const int own_steps = (steps - warp + Shape::warps - 1) / Shape::warps;
  // The lane's first term in a piece of its `own`-th step.
  const auto term_of = [&](int own, int piece) {
    return (warp + own * Shape::warps) * Shape::step + piece * Shape::piece + t * lane_terms;
  };

  uint4* ring = shared + warp * Shape::stages * Shape::stage_loads * 32 + lane;
  const auto copy_step = [&](int own) {
    if (own < own_steps) {
      uint4* slot = ring + own % Shape::stages * Shape::stage_loads * 32;
#pragma unroll
      for (int i = 0; i < Shape::stage_loads; ++i) {
        const int out = out0 + i / 4 * 16 + i % 2 * 8 + g, term = term_of(own, i / 2 % 2);
        const bool valid = out < outs && term < in;
        ptx::cp_async_16(slot + i * 32, weight + (valid ? int64_t{out} * in + term : 0), valid);
      }
    }
    ptx::cp_async_commit();
  };
  if constexpr (vectors)
    for (int own = 0; own + 1 < Shape::stages; ++own) copy_step(own);

  float sums[out_tiles][row_tiles][4] = {};
  for (int own = 0; own < own_steps; ++own) {
    if constexpr (vectors) {
      ptx::cp_async_wait<Shape::stages - 2>();
      copy_step(own + Shape::stages - 1);  // where the previous step was
    }
    const uint4* slot = ring + own % Shape::stages * Shape::stage_loads * 32;
#pragma unroll
    for (int piece = 0; piece < 2; ++piece) {
      const int term = term_of(own, piece);
      uint4 xs[row_tiles][x_words];
#pragma unroll
      for (int r = 0; r < row_tiles; ++r) {
        const int row = r * 8 + g;
        const bf16* from = x + int64_t{row} * in + term;
        const int valid = row < rows ? in - term : 0;
        if constexpr (vectors) {
#pragma unroll
          for (int i = 0; i < x_words; ++i)
            xs[r][i] =
                valid > 0 ? *reinterpret_cast<const uint4*>(from + i * 8) : make_uint4(0, 0, 0, 0);
        } else {
          gather(from, valid, xs[r]);
        }
      }
#pragma unroll
      for (int o = 0; o < out_tiles; ++o) {
        uint32_t upper[lane_terms / 2], lower[lane_terms / 2];
        uint4 loads[2][1];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          if constexpr (vectors) {
            loads[half][0] = slot[(o * 4 + piece * 2 + half) * 32];
          } else {
            const int out = out0 + o * 16 + half * 8 + g;
            gather(weight + int64_t{out} * in + term, out < outs ? in - term : 0, loads[half]);
          }
        }
        pairs_of(loads[0][0], upper);
        pairs_of(loads[1][0], lower);
#pragma unroll
        for (int j = 0; j < lane_terms / 4; ++j) {
          const uint32_t a[4] = {upper[2 * j], lower[2 * j], upper[2 * j + 1], lower[2 * j + 1]};
#pragma unroll
          for (int r = 0; r < row_tiles; ++r) {
            const uint4 word = xs[r][j / 2];
            const uint32_t b[2] = {j % 2 ? word.z : word.x, j % 2 ? word.w : word.y};
            ptx::mma_bf16_16816(sums[o][r], a, b);
          }
        }
      }
    }
  }

  ptx::cp_async_wait<0>();
  __syncthreads();
  float* partials = reinterpret_cast<float*>(shared);
  float* side = partials + Shape::partials;
  float* side_weight = side + row_tiles * 8 * Shape::most_rank;
  if (epilogue.side) {
    const int rank = epilogue.rank;
    for (int i = threadIdx.x; i < rows * rank; i += Shape::threads) side[i] = epilogue.side[i];
    for (int i = threadIdx.x; i < rank * Shape::outs; i += Shape::threads) {
      const int out = out0 + i % Shape::outs;
      side_weight[i] =
          out < outs ? epilogue.side_weight[i / Shape::outs * epilogue.width + out] : 0.0f;
    }
  }
#pragma unroll
  for (int o = 0; o < out_tiles; ++o)
#pragma unroll
    for (int r = 0; r < row_tiles; ++r)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int row = (warp * row_tiles + r) * 8 + t * 2 + e % 2;
        partials[row * Shape::line + o * 16 + e / 2 * 8 + g] = sums[o][r][e];
      }
  __syncthreads();
#pragma unroll 1
  for (int i = threadIdx.x; i < row_tiles * 8 * Shape::outs; i += Shape::threads) {
    const int row = i / Shape::outs, out = i % Shape::outs;
    if (row >= rows || out0 + out >= outs) continue;
    float sum = 0, update = 0;
#pragma unroll
    for (int w = 0; w < Shape::warps; ++w)
      sum += partials[(w * row_tiles * 8 + row) * Shape::line + out];
    if (epilogue.side)
      for (int r = 0; r < epilogue.rank; ++r)
        update = fmaf(side[row * epilogue.rank + r], side_weight[r * Shape::outs + out], update);
    epilogue.store_neighbours(row, out0 + out, {sum}, {update});
  }
}

template <class Weight>
void skinny_mma(Stream& stream, const bf16* x, const Weight* weight, int64_t rows, int64_t outs,
                int64_t in, const Epilogue& epilogue) {
  const auto go = [&](auto kernel, auto shape) {
    using Shape = decltype(shape);
    launch(stream, kernel, static_cast<unsigned>(ceil_div<int64_t>(outs, Shape::outs)),
           Shape::threads, Shape::shared, x, weight, rows, outs, in, epilogue);
  };
  const bool vectors = vectors_of(16 / sizeof(Weight), in, x, weight);
  if (!vectors)
    rows <= 8 ? go(skinny_mma_kernel<Weight, 1, 1, false>, SkinnyMma<Weight, 1, 1>())
              : go(skinny_mma_kernel<Weight, 8, 1, false>, SkinnyMma<Weight, 8, 1>());
  else if (rows <= 8)
    go(skinny_mma_kernel<Weight, 1, 1, true>, SkinnyMma<Weight, 1, 1>());
  else if (rows <= 16)
    go(skinny_mma_kernel<Weight, 2, 1, true>, SkinnyMma<Weight, 2, 1>());
  else if (rows <= 32)
    go(skinny_mma_kernel<Weight, 4, 2, true>, SkinnyMma<Weight, 4, 2>());
  else
    go(skinny_mma_kernel<Weight, 8, 2, true>, SkinnyMma<Weight, 8, 2>());
}

}  // namespace stylear::cuda
