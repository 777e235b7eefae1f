// What the kernels of products share: which part of the product a block computes, and how the parts
// of a sum that was split over blocks come together.
#pragma once

#include <algorithm>
#include <string>

#include "epilogue.cuh"
#include "operand.cuh"
#include "stream.h"

namespace stylear::cuda {

// The extents of c[m, n] = a[m, k] b[k, n]; the sums are cut into `splits` shares of `share` terms.
struct GemmShape {
  int m, n, k;
  int splits = 1, share = 0;
};

inline GemmShape gemm_shape(const char* op, int64_t m, int64_t n, int64_t k) {
  constexpr int64_t most = 0x7fffff00;  // a tile's last row is an int, too
  for (const int64_t extent : {m, n, k})
    if (extent > most)
      throw Error("ERR_SHAPE", std::string(op) + ": expected the product's extents to be at most " +
                                   std::to_string(most) + ", got " + std::to_string(extent));
  return {static_cast<int>(m), static_cast<int>(n), static_cast<int>(k)};
}

// Blocks are numbered down columns of 8 tiles, so that those that run together share lines of both
// operands in L2.
struct TilePlace {
  int row, col;

  __device__ __forceinline__ TilePlace(const GemmShape& shape, int tile_rows, int tile_cols) {
    constexpr int group = 8;
    const int down = ceil_div(shape.m, tile_rows), across = ceil_div(shape.n, tile_cols);
    const int block = blockIdx.x, in_group = group * across;
    const int first = block / in_group * group, high = min(group, down - first);
    const int rest = block % in_group;
    row = (first + rest % high) * tile_rows;
    col = rest / high * tile_cols;
  }
};

// Finished sums of a tile go through shared memory, so that the epilogue is there once and stores
// whole lines. Columns are permuted by the row in blocks of 8: neither the fragments of mma nor
// those of 4 x 4 squares meet in a bank.
template <int cols>
__device__ __forceinline__ int sum_place(int row, int col) {
  return row * cols + (col ^ ((row & 3) << 3));
}

// Finishes `rows` x `cols` sums in shared memory, or leaves them in `shares` for add_shares.
template <int threads, int rows, int cols>
__device__ __forceinline__ void store_sums(const float* sums, int row0, int col0,
                                           const GemmShape& shape, const Epilogue& epilogue,
                                           float* shares) {
#pragma unroll 1
  for (int i = 4 * threadIdx.x; i < rows * cols; i += 4 * threads) {
    const int row = row0 + i / cols, col = col0 + i % cols;
    if (row >= shape.m || col >= shape.n) continue;
    const float4 four =
        *reinterpret_cast<const float4*>(sums + sum_place<cols>(i / cols, i % cols));
    const float v[4] = {four.x, four.y, four.z, four.w};
    if (epilogue.vectors && shares) {
      store(shares + (int64_t{blockIdx.y} * shape.m + row) * shape.n + col, v);
    } else if (epilogue.vectors) {
      epilogue.store_product(row, col, v);
    } else {
      const int count = min(4, shape.n - col);
#pragma unroll 1
      for (int j = 0; j < count; ++j) {
        const float sum = j == 0 ? v[0] : j == 1 ? v[1] : j == 2 ? v[2] : v[3];
        if (shares)
          shares[(int64_t{blockIdx.y} * shape.m + row) * shape.n + col + j] = sum;
        else
          epilogue.store(row, col + j, sum);
      }
    }
  }
}

// Products whose tiles are too few to fill a GPU are split along k, by their shape alone, so that
// the order of a sum is the same on every GPU.
constexpr int busy_blocks = 132;

inline int64_t tiles_of(const GemmShape& shape, int tile_rows, int tile_cols) {
  return ceil_div<int64_t>(shape.m, tile_rows) * ceil_div<int64_t>(shape.n, tile_cols);
}

inline void split(GemmShape& shape, int64_t tiles, int step) {
  constexpr int64_t shortest_share = 256;
  const int64_t wanted = tiles < busy_blocks ? 2 * busy_blocks / tiles : 1;
  const int64_t splits = std::clamp<int64_t>(shape.k / shortest_share, 1, wanted);
  shape.share =
      static_cast<int>(ceil_div<int64_t>(ceil_div<int64_t>(shape.k, splits), step) * step);
  shape.splits = ceil_div(shape.k, shape.share);
}

// Adds the shares [splits, m, n] of each element in order and finishes it. One thread per n
// neighbours; each share is read once, coalesced: bound by memory, mostly L2.
template <int n>
__global__ void add_shares_kernel(const float* shares, int64_t count, int splits, int64_t width,
                                  Epilogue epilogue) {
  const int64_t at = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * n;
  if (at >= count) return;
  float sum[n] = {};
  for (int s = 0; s < splits; ++s) {
    float share[n];
    load(shares + s * count + at, share);
#pragma unroll
    for (int i = 0; i < n; ++i) sum[i] += share[i];
  }
  epilogue.store_product(at / width, at % width, sum);
}

inline void add_shares(Stream& stream, const float* shares, const GemmShape& shape,
                       const Epilogue& epilogue) {
  const int64_t count = int64_t{shape.m} * shape.n;
  const int64_t each = epilogue.vectors ? 4 : 1;
  launch(stream, epilogue.vectors ? add_shares_kernel<4> : add_shares_kernel<1>,
         dim3(static_cast<unsigned>(ceil_div<int64_t>(count, 256 * each))), 256, 0, shares, count,
         shape.splits, int64_t{shape.n}, epilogue);
}

}  // namespace stylear::cuda
