// Two passes: blocks compare 64 rows with one share of the codebook each, then the best of the
// shares is picked. The product x c runs as in gemm_fma.cuh, of whose time this is; x and the
// codebook are read once per tile, from L2.
#include "../gemm_fma.cuh"
#include "../run.h"

namespace stylear::cuda {

namespace {

using Tile = SmallFmaTile;

struct Nearest {
  float distance;
  int code;

  // Ties go to the lower code.
  __device__ __forceinline__ void meet(float other, int other_code) {
    if (other < distance || (other == distance && other_code < code))
      distance = other, code = other_code;
  }
};

__device__ __forceinline__ float infinity() { return __uint_as_float(0x7f800000u); }

// norms[j] = |codebook[j]|^2. One warp per code.
__global__ void norms_kernel(const float* codebook, float* norms, int count, int width) {
  const int code = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  float sum = 0;
  if (code < count) {
    const float* c = codebook + int64_t{code} * width;
    for (int i = lane; i < width; i += 32) sum = fmaf(c[i], c[i], sum);
  }
  sum = warp_sum(sum);
  if (lane == 0 && code < count) norms[code] = sum;
}

// best[share, row] over the codes of one share, `share_codes` of them, in tiles of 64.
template <bool vectors>
__global__ void __launch_bounds__(Tile::threads)
    nearest_kernel(Dense x, Dense codebook, const float* norms, int share_codes, Nearest* best) {
  SharedCarver carve;
  float* buffers = carve.take<float>(4 * Tile::buffer);
  Nearest* met = carve.take<Nearest>(Tile::extent * 16);
  const int row0 = blockIdx.x * Tile::extent, first = blockIdx.y * share_codes;
  const int end = min(first + share_codes, codebook.lines);
  const FmaPlace<Tile> place;
  Nearest nearest[Tile::each];
#pragma unroll
  for (int i = 0; i < Tile::each; ++i) nearest[i] = {infinity(), first};
  for (int code0 = first; code0 < end; code0 += Tile::extent) {
    float products[Tile::each][Tile::each] = {};
    fma_tile<Tile, vectors, true, true>(products, x, codebook, row0, code0, 0, x.width, buffers);
#pragma unroll
    for (int j = 0; j < Tile::each; ++j) {
      const int code = code0 + place.col(j);
      if (code >= end) continue;
      const float norm = norms[code];
#pragma unroll
      for (int i = 0; i < Tile::each; ++i) nearest[i].meet(norm - 2.0f * products[i][j], code);
    }
  }
  // A row's 16 threads compare what they have met.
#pragma unroll
  for (int i = 0; i < Tile::each; ++i) met[place.row(i) * 16 + place.across / 4] = nearest[i];
  __syncthreads();
  const int row = threadIdx.x;
  if (row >= Tile::extent || row0 + row >= x.lines) return;
  Nearest winner = met[row * 16];
  for (int i = 1; i < 16; ++i) winner.meet(met[row * 16 + i].distance, met[row * 16 + i].code);
  best[int64_t{blockIdx.y} * x.lines + row0 + row] = winner;
}

__global__ void pick_kernel(const Nearest* best, int rows, int shares, int* codes) {
  const int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  Nearest winner = best[row];
  for (int s = 1; s < shares; ++s) {
    const Nearest other = best[int64_t{s} * rows + row];
    winner.meet(other.distance, other.code);
  }
  codes[row] = winner.code;
}

}  // namespace

void run(const NearestCode& op, Stream& stream) {
  const int width = static_cast<int>(op.x.shape[-1]);
  const int rows = static_cast<int>(op.x.count() / width);
  const int count = static_cast<int>(op.codebook.shape[0]);
  const int row_tiles = ceil_div(rows, Tile::extent);
  const int code_tiles = ceil_div(count, Tile::extent);
  const int wanted = std::clamp(2 * busy_blocks / row_tiles, 1, code_tiles);
  const int share_codes = ceil_div(code_tiles, wanted) * Tile::extent;
  const int shares = ceil_div(count, share_codes);

  float* norms = stream.scratch<float>(count);
  Nearest* best = stream.scratch<Nearest>(int64_t{shares} * rows);
  launch(stream, norms_kernel, ceil_div(count, 8), 256, 0, op.codebook.as<float>(), norms, count,
         width);
  const Dense x(op.x, rows, width), codebook(op.codebook, count, width);
  launch(stream, x.vectors && codebook.vectors ? nearest_kernel<true> : nearest_kernel<false>,
         dim3(row_tiles, shares), Tile::threads,
         SharedSize().add<float>(4 * Tile::buffer).add<Nearest>(Tile::extent * 16).bytes(), x,
         codebook, norms, share_codes, best);
  launch(stream, pick_kernel, ceil_div(rows, 256), 256, 0, best, rows, shares,
         op.codes.as<int32_t>());
}

}  // namespace stylear::cuda
