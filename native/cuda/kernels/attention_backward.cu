// Gradients of attention for bf16 on tensor cores. Nothing is added atomically: one kernel owns
// rows of dq and walks over the keys, another owns rows of dk and dv and walks over the queries,
// which costs two of seven products more than sharing would and makes the result repeatable.
//   p = exp(scale * q k^T - lse), ds = p * (dy v^T - delta), delta = rowsum(dy * y)
//   dq = scale * ds k, dk = scale * ds^T q, dv = p^T dy
#include "attention_tiles.cuh"

namespace stylear::cuda {
namespace {

constexpr int block_rows = 64, threads = 128;

// Rows of a tile that streams by, chosen so that all tiles fit in 99 KiB.
constexpr int stream_rows(int width) { return width <= 128 ? 32 : 16; }
// Columns of dk and dv that one block sums: more than 128 would not fit into registers.
constexpr int gradient_columns(int width) { return width <= 128 ? width : width / 2; }

constexpr size_t shared_bytes(int width) {
  return SharedSize()
      .add<bf16>(tile_elements(block_rows, width))
      .add<bf16>(tile_elements(block_rows, width))
      .add<bf16>(2 * tile_elements(stream_rows(width), width))
      .add<bf16>(2 * tile_elements(stream_rows(width), width))
      .bytes();
}

// The log-sum-exp of a row in base 2, or infinity, which makes every p zero, for a row that sees
// nothing.
__device__ __forceinline__ float base2_lse(const float* lse, int row, int end) {
  return end > 0 ? lse[row] * log2_e : INFINITY;
}

// One block computes 64 rows of dq for one head, 16 per warp, from tiles of keys fetched one ahead;
// q and dy stay in shared memory. Reads k and v once for each 64 query rows; bound by the matrix
// instructions, on Hopper by the loads of their fragments.
template <int Width>
__global__ void __launch_bounds__(threads) attention_dq(const AttentionGradient<bf16> p) {
  constexpr int keys = stream_rows(Width);
  SharedCarver carve;
  bf16* sq = carve.take<bf16>(tile_elements(block_rows, Width));
  bf16* sdy = carve.take<bf16>(tile_elements(block_rows, Width));
  bf16* sk = carve.take<bf16>(2 * tile_elements(keys, Width));
  bf16* sv = carve.take<bf16>(2 * tile_elements(keys, Width));

  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  const int blocks = ceil_div(p.queries, block_rows);
  const int head = int(blockIdx.x) / blocks % p.heads;
  const int sequence = int(blockIdx.x) / blocks / p.heads;
  const int m0 = (blocks - 1 - int(blockIdx.x) % blocks) * block_rows;
  const int kv_head = head / (p.heads / p.kv_heads);
  const HeadRows<const bf16> k = p.k.of(sequence, kv_head, p.dim);
  const HeadRows<const bf16> v = p.v.of(sequence, kv_head, p.dim);

  const Sight sight = p.sight(sequence);
  const int last = sight.end(min(m0 + block_rows, p.queries) - 1);
  const int tiles = ceil_div(last, keys);
  if (tiles > 0) {
    load_tile<block_rows, Width, threads>(sq, p.q.of(sequence, head, p.dim), m0, p.queries, p.dim,
                                          p.wide);
    load_tile<block_rows, Width, threads>(sdy, p.dy.of(sequence, head, p.dim), m0, p.queries, p.dim,
                                          p.wide);
    load_tile<keys, Width, threads>(sk, k, 0, last, p.dim, p.wide);
    load_tile<keys, Width, threads>(sv, v, 0, last, p.dim, p.wide);
  }
  ptx::cp_async_commit();

  const float factor = p.scale * log2_e;
  const int64_t statistics = (int64_t{sequence} * p.heads + head) * p.queries;
  int ends[2];
  float lse[2], delta[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int row = m0 + warp * 16 + g + r * 8;
    ends[r] = row < p.queries ? sight.end(row) : 0;
    lse[r] = base2_lse(p.lse + statistics, row, ends[r]);
    delta[r] = ends[r] > 0 ? p.delta[statistics + row] : 0.f;
  }
  const int warp_end = sight.end(m0 + warp * 16);
  float acc[Width / 8][4];
  clear(acc);

  for (int n = 0; n < tiles; ++n) {
    const int n0 = n * keys, buffer = n & 1;
    ptx::cp_async_wait<0>();
    __syncthreads();  // tile n has arrived, and nobody reads tile n - 1 any more
    if (n + 1 < tiles) {
      const int at = (buffer ^ 1) * tile_elements(keys, Width);
      load_tile<keys, Width, threads>(sk + at, k, n0 + keys, last, p.dim, p.wide);
      load_tile<keys, Width, threads>(sv + at, v, n0 + keys, last, p.dim, p.wide);
    }
    ptx::cp_async_commit();
    const bf16* tk = sk + buffer * tile_elements(keys, Width);
    const bf16* tv = sv + buffer * tile_elements(keys, Width);

    float s[keys / 8][4], ds[keys / 8][4];
    clear(s);
    clear(ds);
#pragma unroll
    for (int step = 0; step < Width / 16; ++step) {
      uint32_t a[4];
      left_operand<Width>(a, sq + warp * 16 * tile_pitch(Width), step);
      add_dots<Width>(s, a, tk, step);
      left_operand<Width>(a, sdy + warp * 16 * tile_pitch(Width), step);
      add_dots<Width>(ds, a, tv, step);
    }
    const bool all_seen = n0 + keys <= warp_end;
#pragma unroll
    for (int i = 0; i < keys / 8; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const bool seen = all_seen || n0 + i * 8 + t * 2 + (j & 1) < ends[j >> 1];
        const float weight = ptx::exp2_approx(s[i][j] * factor - lse[j >> 1]);
        ds[i][j] = seen ? weight * (ds[i][j] - delta[j >> 1]) : 0.f;
      }
#pragma unroll
    for (int step = 0; step < keys / 16; ++step) {
      uint32_t a[4];
      rounded_operand(a, ds, step);
      add_rows<Width>(acc, a, tk + step * 16 * tile_pitch(Width), 0);
    }
  }
  store_rows<Width>(acc, p.scale, p.scale, sq + warp * 16 * tile_pitch(Width),
                    p.dq.of(sequence, head, p.dim), m0 + warp * 16, p.queries, 0, p.dim, p.wide);
}

// One block computes 64 rows of dk and dv for one key-value head, 16 per warp, from tiles of
// queries of all heads that share it, head by head, fetched one ahead; k and v stay in shared
// memory. The scores are made transposed, keys down and queries across, so that they become the
// left operand of the two sums without leaving the registers. Heads wider than 128 are summed by
// two blocks, half of the columns each, which make the scores twice. Bound as the above.
template <int Width>
__global__ void __launch_bounds__(threads) attention_dk_dv(const AttentionGradient<bf16> p) {
  constexpr int rows = stream_rows(Width), columns = gradient_columns(Width);
  constexpr int parts = Width / columns;
  SharedCarver carve;
  bf16* sk = carve.take<bf16>(tile_elements(block_rows, Width));
  bf16* sv = carve.take<bf16>(tile_elements(block_rows, Width));
  bf16* sq = carve.take<bf16>(2 * tile_elements(rows, Width));
  bf16* sdy = carve.take<bf16>(2 * tile_elements(rows, Width));

  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  const int blocks = ceil_div(p.keys, block_rows);
  const int column0 = int(blockIdx.x) % parts * columns;
  const int n0 = int(blockIdx.x) / parts % blocks * block_rows;
  const int kv_head = int(blockIdx.x) / parts / blocks % p.kv_heads;
  const int sequence = int(blockIdx.x) / parts / blocks / p.kv_heads;
  const int group = p.heads / p.kv_heads;

  // Keys n0 and later are seen from query m_first on, and by nobody behind the length.
  const Sight sight = p.sight(sequence);
  const int m_first = p.causal ? max(0, n0 - sight.offset) / rows * rows : 0;
  const int tiles = n0 < sight.length ? max(0, ceil_div(p.queries - m_first, rows)) : 0;
  const int total = tiles * group;

  const auto fetch = [&](int n) {
    const int head = kv_head * group + n / tiles, m0 = m_first + n % tiles * rows;
    const int at = (n & 1) * tile_elements(rows, Width);
    load_tile<rows, Width, threads>(sq + at, p.q.of(sequence, head, p.dim), m0, p.queries, p.dim,
                                    p.wide);
    load_tile<rows, Width, threads>(sdy + at, p.dy.of(sequence, head, p.dim), m0, p.queries, p.dim,
                                    p.wide);
  };
  if (total > 0) {
    load_tile<block_rows, Width, threads>(sk, p.k.of(sequence, kv_head, p.dim), n0, sight.length,
                                          p.dim, p.wide);
    load_tile<block_rows, Width, threads>(sv, p.v.of(sequence, kv_head, p.dim), n0, sight.length,
                                          p.dim, p.wide);
    fetch(0);
  }
  ptx::cp_async_commit();

  const float factor = p.scale * log2_e;
  const int key0 = n0 + warp * 16 + g;  // the thread's keys are key0 and key0 + 8
  float dk[columns / 8][4], dv[columns / 8][4];
  clear(dk);
  clear(dv);

  for (int n = 0; n < total; ++n) {
    const int head = kv_head * group + n / tiles, m0 = m_first + n % tiles * rows;
    const int64_t statistics = (int64_t{sequence} * p.heads + head) * p.queries;
    int ends[rows / 8][2];
    float lse[rows / 8][2], delta[rows / 8][2];
#pragma unroll
    for (int i = 0; i < rows / 8; ++i)
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int row = m0 + i * 8 + t * 2 + j;
        ends[i][j] = row < p.queries ? sight.end(row) : 0;
        lse[i][j] = base2_lse(p.lse + statistics, row, ends[i][j]);
        delta[i][j] = ends[i][j] > 0 ? p.delta[statistics + row] : 0.f;
      }

    ptx::cp_async_wait<0>();
    __syncthreads();  // tile n has arrived, and nobody reads tile n - 1 any more
    if (n + 1 < total) fetch(n + 1);
    ptx::cp_async_commit();
    const bf16* tq = sq + (n & 1) * tile_elements(rows, Width);
    const bf16* tdy = sdy + (n & 1) * tile_elements(rows, Width);

    float s[rows / 8][4], ds[rows / 8][4];
    clear(s);
    clear(ds);
#pragma unroll
    for (int step = 0; step < Width / 16; ++step) {
      uint32_t a[4];
      left_operand<Width>(a, sk + warp * 16 * tile_pitch(Width), step);
      add_dots<Width>(s, a, tq, step);
      left_operand<Width>(a, sv + warp * 16 * tile_pitch(Width), step);
      add_dots<Width>(ds, a, tdy, step);
    }
#pragma unroll
    for (int i = 0; i < rows / 8; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const bool seen = key0 + (j >> 1) * 8 < ends[i][j & 1];
        const float weight = ptx::exp2_approx(s[i][j] * factor - lse[i][j & 1]);
        s[i][j] = seen ? weight : 0.f;
        ds[i][j] = seen ? weight * (ds[i][j] - delta[i][j & 1]) : 0.f;
      }
#pragma unroll
    for (int step = 0; step < rows / 16; ++step) {
      uint32_t a[4];
      rounded_operand(a, s, step);
      add_rows<Width>(dv, a, tdy + step * 16 * tile_pitch(Width), column0);
      rounded_operand(a, ds, step);
      add_rows<Width>(dk, a, tq + step * 16 * tile_pitch(Width), column0);
    }
  }
  store_rows<Width>(dk, p.scale, p.scale, sk + warp * 16 * tile_pitch(Width),
                    p.dk.of(sequence, kv_head, p.dim), n0 + warp * 16, p.keys, column0, p.dim,
                    p.wide);
  store_rows<Width>(dv, 1.f, 1.f, sv + warp * 16 * tile_pitch(Width),
                    p.dv.of(sequence, kv_head, p.dim), n0 + warp * 16, p.keys, column0, p.dim,
                    p.wide);
}

}  // namespace

void attend_tiles_backward(const AttentionGradient<bf16>& p, Stream& stream) {
  attention_delta(p, stream);
  with_tile_width(p.dim, [&](auto width) {
    const int64_t q_blocks = int64_t{ceil_div(p.queries, block_rows)} * p.heads * p.sequences;
    launch(stream, attention_dq<width>, q_blocks, threads, shared_bytes(width), p);
    const int64_t k_blocks = int64_t{ceil_div(p.keys, block_rows)} * p.kv_heads * p.sequences *
                             (width / gradient_columns(width));
    launch(stream, attention_dk_dv<width>, k_blocks, threads, shared_bytes(width), p);
  });
}

}  // namespace stylear::cuda
