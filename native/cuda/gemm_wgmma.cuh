// Large products of bf16 matrices on Hopper: c[m, n] = a[m, k] b[k, n] by wgmma, fed by bulk
// copies.
//
// A block computes a tile of 128 x 128. One warp fetches stages of 64 terms of both operands, as
// far ahead as there are free buffers; two warpgroups multiply 64 rows each and give a buffer back
// as soon as the products that read it are complete. Two mbarriers per buffer, `full` and `empty`,
// are all that they say to each other. Two blocks fit on a multiprocessor, so that one multiplies
// while the other stores. Each element of a is read n / 128 times, of b m / 128 times, mostly from
// L2; the tensor cores are the bound.
#pragma once

#include "gemm_tiles.cuh"
#include "tensor_map.h"

namespace stylear::cuda {

struct WgmmaTile {
  static constexpr int rows = 128, cols = 128, step = 64, stages = 3;
  static constexpr int consumers = 256, threads = consumers + 32;
  static constexpr int operand = 128 * step;  // elements of one operand in a stage
  static constexpr unsigned stage_bytes = 2 * operand * sizeof(bf16);
  static constexpr size_t shared = SharedSize()
                                       .add<bf16>(2 * stages * operand, 1024)
                                       .add<uint64_t>(stages)
                                       .add<uint64_t>(stages)
                                       .bytes();
};

// An operand's stage in shared memory: 128 lines of 64 terms, or (lines along the rows of c) two
// blocks of 64 terms by 64 rows. Both have lines of 128 bytes.
template <bool along_k>
struct WgmmaOperand {
  static constexpr int box_lines = along_k ? 128 : 64;
  static constexpr int block = 64 * 64;

  __device__ __forceinline__ static void fetch(bf16* stage, const TensorMap* map, uint64_t* full,
                                               int row, int term) {
    if constexpr (along_k) {
      ptx::tensor_load_2d(stage, map, full, term, row);
    } else {
      ptx::tensor_load_2d(stage, map, full, row, term);
      ptx::tensor_load_2d(stage + block, map, full, row + 64, term);
    }
  }
  // 16 terms from `term` on, of all rows from 64 * `half` on.
  __device__ __forceinline__ static uint64_t describe(const bf16* stage, int half, int term) {
    const bf16* first = stage + half * block + (along_k ? term : term * 64);
    return ptx::wgmma_descriptor(first, along_k ? 0 : block * sizeof(bf16), 1024);
  }
};

template <bool a_along_k, bool b_along_k>
__global__ void __launch_bounds__(WgmmaTile::threads, 2)
    gemm_wgmma_kernel(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                      GemmShape shape, Epilogue epilogue, float* shares) {
  using Tile = WgmmaTile;
  using OperandA = WgmmaOperand<a_along_k>;
  using OperandB = WgmmaOperand<b_along_k>;
  SharedCarver carve;
  bf16* stages = carve.take<bf16>(2 * Tile::stages * Tile::operand, 1024);
  uint64_t* full = carve.take<uint64_t>(Tile::stages);
  uint64_t* empty = carve.take<uint64_t>(Tile::stages);
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  const TilePlace place(shape, Tile::rows, Tile::cols);
  const int first = blockIdx.y * shape.share;
  const int steps = ceil_div(min(shape.share, shape.k - first), Tile::step);

  if (threadIdx.x == 0) {
    for (int s = 0; s < Tile::stages; ++s) {
      ptx::mbarrier_init(full + s, 1);
      ptx::mbarrier_init(empty + s, Tile::consumers / 32);  // one arrival per warp
    }
    ptx::fence_proxy_async();
  }
  __syncthreads();

  if (warp == Tile::consumers / 32) {
    if (lane == 0) {
      for (int step = 0; step < steps; ++step) {
        const int s = step % Tile::stages, turn = step / Tile::stages;
        if (turn > 0) ptx::mbarrier_wait(empty + s, (turn - 1) & 1);
        ptx::mbarrier_arrive_expect(full + s, Tile::stage_bytes);
        bf16* stage = stages + 2 * s * Tile::operand;
        const int term = first + step * Tile::step;
        OperandA::fetch(stage, &a, full + s, place.row, term);
        OperandB::fetch(stage + Tile::operand, &b, full + s, place.col, term);
      }
    }
    return;
  }

  float sums[64] = {};
  for (int step = 0; step < steps; ++step) {
    const int s = step % Tile::stages;
    ptx::mbarrier_wait(full + s, (step / Tile::stages) & 1);
    const bf16* stage = stages + 2 * s * Tile::operand;
    ptx::wgmma_fence();
#pragma unroll
    for (int term = 0; term < Tile::step; term += 16)
      ptx::wgmma_m64n128k16<!a_along_k, !b_along_k>(
          sums, OperandA::describe(stage, warp >> 2, term),
          OperandB::describe(stage + Tile::operand, 0, term), true);
    ptx::wgmma_commit();
    ptx::wgmma_wait<1>();  // the previous step is complete
    if (step > 0 && lane == 0) ptx::mbarrier_arrive(empty + (step - 1) % Tile::stages);
  }
  ptx::wgmma_wait<0>();
  ptx::wgmma_settle(sums);

  // Every stage was fetched and read: the sums may lie there.
  ptx::named_barrier<1>(Tile::consumers);
  float* tile_sums = reinterpret_cast<float*>(stages);
#pragma unroll
  for (int j = 0; j < 16; ++j)
#pragma unroll
    for (int e = 0; e < 4; e += 2) {
      const int row = warp * 16 + (lane >> 2) + e * 4, col = j * 8 + (lane & 3) * 2;
      *reinterpret_cast<float2*>(tile_sums + sum_place<Tile::cols>(row, col)) =
          make_float2(sums[j * 4 + e], sums[j * 4 + e + 1]);
    }
  ptx::named_barrier<1>(Tile::consumers);
  store_sums<Tile::consumers, Tile::rows, Tile::cols>(tile_sums, place.row, place.col, shape,
                                                      epilogue, shares);
}

// Where the GPU is a Hopper and the operands can be copied in bulk.
inline bool suits_wgmma(const Stream& stream, const Dense& a, const Dense& b,
                        const GemmShape& shape) {
  return stream.compute_capability == 90 && a.dtype == Dtype::bf16 && b.dtype == Dtype::bf16 &&
         a.vectors && b.vectors &&
         tiles_of(shape, WgmmaTile::rows, WgmmaTile::cols) >= busy_blocks / 4;
}

template <bool a_along_k, bool b_along_k>
void gemm_wgmma(Stream& stream, const Dense& a, const Dense& b, GemmShape shape,
                const Epilogue& epilogue) {
  const int64_t tiles = tiles_of(shape, WgmmaTile::rows, WgmmaTile::cols);
  split(shape, tiles, WgmmaTile::step);
  float* shares =
      shape.splits > 1 ? stream.scratch<float>(int64_t{shape.splits} * shape.m * shape.n) : nullptr;
  launch(stream, gemm_wgmma_kernel<a_along_k, b_along_k>,
         dim3(static_cast<unsigned>(tiles), shape.splits), WgmmaTile::threads, WgmmaTile::shared,
         tensor_map(a.data, a.lines, a.width, WgmmaOperand<a_along_k>::box_lines),
         tensor_map(b.data, b.lines, b.width, WgmmaOperand<b_along_k>::box_lines), shape, epilogue,
         shares);
  if (shares) add_shares(stream, shares, shape, epilogue);
}

}  // namespace stylear::cuda
