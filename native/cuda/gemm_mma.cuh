// Products of bf16 on tensor cores (mma.sync), for sm_80 and later: c[m, n] = a[m, k] b[k, n].
//
// A block computes a tile of c. Stages of 32 terms of both operands travel to shared memory with
// cp.async, three ahead of the one that is multiplied; operands that cannot (odd widths) are read
// through registers into the same place. A tile lies in shared memory as in global memory: lines
// along k (its own lines are rows of c), or lines across (one line per k); ldmatrix reads either,
// transposed where needed. The pieces of 8 elements in a line are permuted by the line's number, so
// that neither copies nor ldmatrix meet in a bank. Each element of a is read n / tile_cols times,
// of b m / tile_rows times, mostly from L2; large products are bound by the tensor cores.
#pragma once

#include "gemm_tiles.cuh"
#include "ptx.h"

namespace stylear::cuda {

// A tile of rows x cols by warps_down x warps_across warps.
template <int rows_, int cols_, int warps_down_, int warps_across_>
struct MmaTile {
  static constexpr int rows = rows_, cols = cols_, step = 32, stages = 4;
  static constexpr int warps_down = warps_down_, warps_across = warps_across_;
  static constexpr int threads = 32 * warps_down * warps_across;
  static constexpr int warp_rows = rows / warps_down, warp_cols = cols / warps_across;
  static constexpr int down = warp_rows / 16, across = warp_cols / 8;  // mma tiles of a warp
};
using LargeMmaTile = MmaTile<128, 128, 2, 4>;
using SmallMmaTile = MmaTile<64, 64, 2, 2>;

// One stage of an operand in shared memory: `extent` rows (or columns) of c by 32 terms. `along_k`:
// a line is one row of c with its terms; else a line is one term.
template <int extent, bool along_k>
struct MmaStage {
  static constexpr int lines = along_k ? extent : 32;
  static constexpr int pieces = (along_k ? 32 : extent) / 8;  // of 8 elements, in a line
  static constexpr int elements = lines * pieces * 8;

  // Where a piece lies.
  __device__ __forceinline__ static int place(int line, int piece) {
    const int turned = along_k ? piece ^ ((line >> 1) & 3) : piece ^ (line & 7);
    return (line * pieces + turned) * 8;
  }

  template <int threads, bool vectors, class Operand>
  __device__ __forceinline__ static void fill(bf16* stage, const Operand& operand, int first_row,
                                              int first_term) {
    const int line0 = along_k ? first_row : first_term, col0 = along_k ? first_term : first_row;
    static_assert(lines * pieces % threads == 0);
#pragma unroll
    for (int i = 0; i < lines * pieces / threads; ++i) {
      const int piece_index = i * threads + threadIdx.x;
      const int line = piece_index / pieces, piece = piece_index % pieces;
      bf16* to = stage + place(line, piece);
      if constexpr (vectors) {
        const int64_t at = operand.at(line0 + line, col0 + piece * 8);
        ptx::cp_async_16(to, static_cast<const bf16*>(operand.data) + (at < 0 ? 0 : at), at >= 0);
      } else {
        *reinterpret_cast<uint4*>(to) = fetch_bf16(operand, line0 + line, col0 + piece * 8);
      }
    }
  }

  // The fragment of a: 16 rows by 16 terms.
  __device__ __forceinline__ static void read_a(uint32_t (&a)[4], const bf16* stage, int row,
                                                int term) {
    const int lane = threadIdx.x & 31;
    if constexpr (along_k)
      ptx::ldmatrix_x4(a, stage + place(row + (lane & 15), term / 8 + (lane >> 4)));
    else
      ptx::ldmatrix_x4_trans(
          a, stage + place(term + (lane & 7) + (lane >> 4) * 8, row / 8 + (lane >> 3 & 1)));
  }
  // The fragments of b for 16 columns by 16 terms: two for the first 8 columns, two for the others.
  __device__ __forceinline__ static void read_b(uint32_t (&b)[4], const bf16* stage, int col,
                                                int term) {
    const int lane = threadIdx.x & 31;
    if constexpr (along_k)
      ptx::ldmatrix_x4(
          b, stage + place(col + (lane & 7) + (lane >> 4) * 8, term / 8 + (lane >> 3 & 1)));
    else
      ptx::ldmatrix_x4_trans(b, stage + place(term + (lane & 15), col / 8 + (lane >> 4)));
  }
};

template <class Tile, bool vectors, bool a_along_k, bool b_along_k, class A, class B>
__global__ void __launch_bounds__(Tile::threads, vectors ? 512 / Tile::threads : 1)
    gemm_mma_kernel(A a, B b, GemmShape shape, Epilogue epilogue, float* shares) {
  using StageA = MmaStage<Tile::rows, a_along_k>;
  using StageB = MmaStage<Tile::cols, b_along_k>;
  SharedCarver carve;
  bf16* stages_a = carve.take<bf16>(Tile::stages * (StageA::elements + StageB::elements));
  bf16* stages_b = stages_a + Tile::stages * StageA::elements;
  float* tile_sums = reinterpret_cast<float*>(stages_a);  // later
  const TilePlace place(shape, Tile::rows, Tile::cols);
  const int first = blockIdx.y * shape.share;
  const int steps = ceil_div(min(shape.share, shape.k - first), Tile::step);

  const auto fill = [&](int step) {
    const int at = step % Tile::stages, term = first + step * Tile::step;
    if (step < steps) {
      StageA::template fill<Tile::threads, vectors>(stages_a + at * StageA::elements, a, place.row,
                                                    term);
      StageB::template fill<Tile::threads, vectors>(stages_b + at * StageB::elements, b, place.col,
                                                    term);
    }
    ptx::cp_async_commit();
  };
  for (int step = 0; step + 1 < Tile::stages; ++step) fill(step);

  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  const int warp_row = warp / Tile::warps_across * Tile::warp_rows;
  const int warp_col = warp % Tile::warps_across * Tile::warp_cols;
  float sums[Tile::down][Tile::across][4] = {};
  for (int step = 0; step < steps; ++step) {
    ptx::cp_async_wait<Tile::stages - 2>();
    __syncthreads();
    fill(step + Tile::stages - 1);
    const bf16* stage_a = stages_a + step % Tile::stages * StageA::elements;
    const bf16* stage_b = stages_b + step % Tile::stages * StageB::elements;
#pragma unroll
    for (int term = 0; term < Tile::step; term += 16) {
      uint32_t fa[Tile::down][4], fb[Tile::across / 2][4];
#pragma unroll
      for (int i = 0; i < Tile::down; ++i) StageA::read_a(fa[i], stage_a, warp_row + i * 16, term);
#pragma unroll
      for (int j = 0; j < Tile::across / 2; ++j)
        StageB::read_b(fb[j], stage_b, warp_col + j * 16, term);
#pragma unroll
      for (int i = 0; i < Tile::down; ++i)
#pragma unroll
        for (int j = 0; j < Tile::across; ++j) {
          const uint32_t pair[2] = {fb[j / 2][j % 2 * 2], fb[j / 2][j % 2 * 2 + 1]};
          ptx::mma_bf16_16816(sums[i][j], fa[i], pair);
        }
    }
  }

  ptx::cp_async_wait<0>();
  __syncthreads();
#pragma unroll
  for (int i = 0; i < Tile::down; ++i)
#pragma unroll
    for (int j = 0; j < Tile::across; ++j)
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        const int row = warp_row + i * 16 + (lane >> 2) + e * 4;
        const int col = warp_col + j * 8 + (lane & 3) * 2;
        *reinterpret_cast<float2*>(tile_sums + sum_place<Tile::cols>(row, col)) =
            make_float2(sums[i][j][e], sums[i][j][e + 1]);
      }
  __syncthreads();
  store_sums<Tile::threads, Tile::rows, Tile::cols>(tile_sums, place.row, place.col, shape,
                                                    epilogue, shares);
}

template <class Tile, bool vectors, bool a_along_k, bool b_along_k, class A, class B>
void gemm_mma_tiled(Stream& stream, const A& a, const B& b, GemmShape shape,
                    const Epilogue& epilogue) {
  const int64_t tiles = tiles_of(shape, Tile::rows, Tile::cols);
  split(shape, tiles, Tile::step);
  constexpr size_t bytes = Tile::stages * 32 * (Tile::rows + Tile::cols) * sizeof(bf16);
  static_assert(bytes >= Tile::rows * Tile::cols * sizeof(float));
  float* shares =
      shape.splits > 1 ? stream.scratch<float>(int64_t{shape.splits} * shape.m * shape.n) : nullptr;
  launch(stream, gemm_mma_kernel<Tile, vectors, a_along_k, b_along_k, A, B>,
         dim3(static_cast<unsigned>(tiles), shape.splits), Tile::threads, bytes, a, b, shape,
         epilogue, shares);
  if (shares) add_shares(stream, shares, shape, epilogue);
}

// c = a b through `epilogue`. a has lines of m along k or lines of k along m; so has b with n.
template <bool a_along_k, bool b_along_k, class A, class B>
void gemm_mma(Stream& stream, const A& a, const B& b, const GemmShape& shape,
              const Epilogue& epilogue) {
  if (!a.vectors || !b.vectors)
    gemm_mma_tiled<SmallMmaTile, false, a_along_k, b_along_k>(stream, a, b, shape, epilogue);
  else if (tiles_of(shape, LargeMmaTile::rows, LargeMmaTile::cols) < busy_blocks)
    gemm_mma_tiled<SmallMmaTile, true, a_along_k, b_along_k>(stream, a, b, shape, epilogue);
  else
    gemm_mma_tiled<LargeMmaTile, true, a_along_k, b_along_k>(stream, a, b, shape, epilogue);
}

}  // namespace stylear::cuda
