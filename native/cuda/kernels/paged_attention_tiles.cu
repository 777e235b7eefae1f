#include "attention_tiles.cuh"
#include "paged_attention.cuh"

namespace stylear::cuda {
namespace {

constexpr int threads = 128, tile_keys = 64, piece_tiles = piece_keys / tile_keys;

// Tiles in shared memory at a time; one of them is being read, the others are on their way.
constexpr int slots(int width, int groups) { return width > 128 ? 2 : groups > 2 ? 3 : 4; }

constexpr size_t shared_bytes(int width, int groups) {
  return SharedSize()
      .add<int64_t>(piece_keys)
      .add<bf16>(tile_elements(groups * 16, piece_keys))
      .add<bf16>(slots(width, groups) * tile_elements(tile_keys, width))
      .add<float>(4 * groups * 16)
      .add<float>(4 * groups * 16)
      .bytes();
}

struct QueryRows {
  const bf16* first;
  SharedRows rows;
  int dim;
  __device__ __forceinline__ const bf16* operator[](int row) const {
    return first + rows.index(row) * dim;
  }
};

struct CacheRows {
  const bf16* first;
  const int64_t* at;  // of the keys of the piece
  __device__ __forceinline__ const bf16* operator[](int row) const { return first + at[row]; }
};

// One block makes one piece for up to 16 * Groups rows that share a key-value head. It reads the
// piece's k, then its v, once, in tiles of 64 keys that arrive three ahead: about 50 KB are on
// their way per block, so memory bounds it. For the scores each of the four warps takes 16 keys of
// a tile; for the values each takes a quarter of the columns and all keys in order. The weights
// pass between the two through shared memory, in place of the queries.
template <int Width, int Groups>
__global__ void __launch_bounds__(threads) paged_pieces_tiles(const PagedPieces<bf16, bf16> p) {
  constexpr int ring = slots(Width, Groups);
  constexpr int strips = Width / 16, own_strips = ceil_div(strips, 4);
  SharedCarver carve;
  int64_t* key_at = carve.take<int64_t>(piece_keys);
  bf16* sq = carve.take<bf16>(tile_elements(Groups * 16, piece_keys));
  bf16* tiles = carve.take<bf16>(ring * tile_elements(tile_keys, Width));
  float* maxima = carve.take<float>(4 * Groups * 16);
  float* totals = carve.take<float>(4 * Groups * 16);

  const PieceOfRows work(p, Groups * 16);
  const SharedRows& rows = work.rows;
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  const int length = p.length(rows.sequence);
  const int last_row = min(work.first_row + Groups * 16, rows.count()) - 1;
  const int keys = min(piece_keys, p.end(length, rows.query(last_row)) - work.first_key);
  if (keys <= 0) return;  // no row of the block sees the piece
  const int count = ceil_div(keys, tile_keys);

  for (int i = threadIdx.x; i < keys; i += threads)
    key_at[i] = p.key_at(rows.sequence, rows.kv_head, work.first_key + i);
  load_tile<Groups * 16, Width, threads>(sq, QueryRows{p.q, rows, p.dim}, work.first_row,
                                         rows.count(), p.dim, p.wide);
  __syncthreads();  // key_at is written

  // Tiles 0 to count - 1 hold k, the next `count` v.
  const auto fetch = [&](int n) {
    if (n < 2 * count)
      load_tile<tile_keys, Width, threads>(tiles + n % ring * tile_elements(tile_keys, Width),
                                           CacheRows{n < count ? p.k_pages : p.v_pages, key_at},
                                           (n < count ? n : n - count) * tile_keys, keys, p.dim,
                                           p.wide);
    ptx::cp_async_commit();
  };
  const auto next = [&](int n) -> const bf16* {
    ptx::cp_async_wait<ring - 2>();
    __syncthreads();  // tile n has arrived, and nobody reads tile n - 1 any more
    fetch(n + ring - 1);
    return tiles + n % ring * tile_elements(tile_keys, Width);
  };
#pragma unroll
  for (int n = 0; n < ring - 1; ++n) fetch(n);

  // Scores. The factor and the sign are those of attention_forward.
  const float factor = softmax_factor(p.scale) * log2_e;
  const uint32_t sign = p.scale < 0.f ? 0x80008000u : 0u;
  float s[Groups][piece_tiles][2][4];
#pragma unroll
  for (int n = 0; n < piece_tiles; ++n) {
#pragma unroll
    for (int m = 0; m < Groups; ++m) clear(s[m][n]);
    if (n >= count) continue;
    const bf16* tile = next(n) + warp * 16 * tile_pitch(Width);
#pragma unroll
    for (int step = 0; step < Width / 16; ++step) {
      uint32_t b[4];
      ptx::ldmatrix_x4(b, tile + ((lane >> 4) * 8 + (lane & 7)) * tile_pitch(Width) + 16 * step +
                              ((lane >> 3) & 1) * 8);
      const uint32_t b0[2] = {b[0] ^ sign, b[1] ^ sign}, b1[2] = {b[2] ^ sign, b[3] ^ sign};
#pragma unroll
      for (int m = 0; m < Groups; ++m) {
        uint32_t a[4];
        left_operand<Width>(a, sq + m * 16 * tile_pitch(Width), step);
        ptx::mma_bf16_16816(s[m][n][0], a, b0);
        ptx::mma_bf16_16816(s[m][n][1], a, b1);
      }
    }
  }

  // Keys of the piece that the thread's rows see, and their largest scores.
  int seen[Groups][2];
  float top[Groups][2];
#pragma unroll
  for (int m = 0; m < Groups; ++m)
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int row = work.first_row + m * 16 + g + r * 8;
      seen[m][r] = row < rows.count() ? p.end(length, rows.query(row)) - work.first_key : 0;
      top[m][r] = -INFINITY;
#pragma unroll
      for (int n = 0; n < piece_tiles; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i)
#pragma unroll
          for (int j = 2 * r; j < 2 * r + 2; ++j) {
            const int key = n * tile_keys + warp * 16 + i * 8 + t * 2 + (j & 1);
            if (key >= seen[m][r]) s[m][n][i][j] = -INFINITY;
            top[m][r] = fmaxf(top[m][r], s[m][n][i][j]);
          }
      top[m][r] = fmaxf(top[m][r], __shfl_xor_sync(full_warp, top[m][r], 1));
      top[m][r] = fmaxf(top[m][r], __shfl_xor_sync(full_warp, top[m][r], 2));
      if (t == 0) maxima[warp * Groups * 16 + m * 16 + g + r * 8] = top[m][r];
    }
  __syncthreads();  // the maxima are written, and nobody reads the queries any more

  // Weights, rounded, to the place of the queries.
#pragma unroll
  for (int m = 0; m < Groups; ++m)
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int row = m * 16 + g + r * 8;
      top[m][r] = maxima[row];
#pragma unroll
      for (int w = 1; w < 4; ++w) top[m][r] = fmaxf(top[m][r], maxima[w * Groups * 16 + row]);
      const float base = top[m][r] == -INFINITY ? 0.f : top[m][r] * factor;
      float total = 0.f;
#pragma unroll
      for (int n = 0; n < piece_tiles; ++n) {
        if (n >= count) continue;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float x = ptx::exp2_approx(fmaf(s[m][n][i][2 * r], factor, -base));
          const float y = ptx::exp2_approx(fmaf(s[m][n][i][2 * r + 1], factor, -base));
          total += x + y;
          *reinterpret_cast<uint32_t*>(sq + row * tile_pitch(piece_keys) + n * tile_keys +
                                       warp * 16 + i * 8 + t * 2) = pack_bf16(x, y);
        }
      }
      total += __shfl_xor_sync(full_warp, total, 1);
      total += __shfl_xor_sync(full_warp, total, 2);
      if (t == 0) totals[warp * Groups * 16 + row] = total;
    }

  // Values. The barrier of next() also orders the weights.
  float acc[Groups][own_strips][2][4];
#pragma unroll
  for (int m = 0; m < Groups; ++m)
#pragma unroll
    for (int i = 0; i < own_strips; ++i) clear(acc[m][i]);
  for (int n = 0; n < count; ++n) {
    const bf16* tile = next(count + n);
#pragma unroll
    for (int step = 0; step < tile_keys / 16; ++step) {
      uint32_t a[Groups][4];
#pragma unroll
      for (int m = 0; m < Groups; ++m)
        left_operand<piece_keys>(a[m], sq + m * 16 * tile_pitch(piece_keys),
                                 n * (tile_keys / 16) + step);
#pragma unroll
      for (int i = 0; i < own_strips; ++i) {
        const int strip = warp + 4 * i;
        if (strip >= strips) continue;
        uint32_t b[4];
        ptx::ldmatrix_x4_trans(
            b, tile + (step * 16 + (lane & 15)) * tile_pitch(Width) + strip * 16 + (lane >> 4) * 8);
        const uint32_t b0[2] = {b[0], b[1]}, b1[2] = {b[2], b[3]};
#pragma unroll
        for (int m = 0; m < Groups; ++m) {
          ptx::mma_bf16_16816(acc[m][i][0], a[m], b0);
          ptx::mma_bf16_16816(acc[m][i][1], a[m], b1);
        }
      }
    }
  }

#pragma unroll
  for (int m = 0; m < Groups; ++m)
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      if (seen[m][r] <= 0) continue;
      const int row = m * 16 + g + r * 8;
      const int64_t slot = rows.index(work.first_row + row) * p.pieces + work.piece;
      if (warp == 0 && t == 0) {
        float total = totals[row];
#pragma unroll
        for (int w = 1; w < 4; ++w) total += totals[w * Groups * 16 + row];
        p.statistics[slot] = make_float2(top[m][r] * factor, total);
      }
#pragma unroll
      for (int i = 0; i < own_strips; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
          for (int j = 0; j < 2; ++j) {
            const int column = (warp + 4 * i) * 16 + half * 8 + t * 2 + j;
            if (column < p.dim) p.sums[slot * p.dim + column] = acc[m][i][half][2 * r + j];
          }
    }
}

template <int Width, int Groups>
void launch_pieces(const PagedPieces<bf16, bf16>& p, int sequences, Stream& stream) {
  const int rows = p.queries * (p.heads / p.kv_heads);
  const int64_t blocks = int64_t{sequences} * p.kv_heads * ceil_div(rows, Groups * 16) * p.pieces;
  launch(stream, paged_pieces_tiles<Width, Groups>, blocks, threads, shared_bytes(Width, Groups),
         p);
}

}  // namespace

// As many rows a block as there are, up to 64, so that the cache is read as few times as possible;
// 32 where heads are wider than 128, for registers and shared memory.
void attend_pieces_tiles(const PagedPieces<bf16, bf16>& p, int sequences, Stream& stream) {
  with_tile_width(p.dim, [&](auto width) {
    const int rows = p.queries * (p.heads / p.kv_heads);
    if (rows <= 16) return launch_pieces<width, 1>(p, sequences, stream);
    if (rows <= 32 || width > 128) return launch_pieces<width, 2>(p, sequences, stream);
    if constexpr (width <= 128) launch_pieces<width, 4>(p, sequences, stream);
  });
}

}  // namespace stylear::cuda
