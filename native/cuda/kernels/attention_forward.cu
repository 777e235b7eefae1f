// Attention forward for bf16 on tensor cores (Dao 2023, FlashAttention-2).
#include "attention_tiles.cuh"

namespace stylear::cuda {
namespace {

constexpr int block_rows = 64, threads = 128;

constexpr int key_rows(int width) { return width <= 128 ? 64 : 32; }
// Where q fits into registers, it passes through the buffer of the second tile of keys.
constexpr bool q_in_registers(int width) { return width <= 128; }

constexpr size_t shared_bytes(int width) {
  const SharedSize tiles = SharedSize()
                               .add<bf16>(2 * tile_elements(key_rows(width), width))
                               .add<bf16>(2 * tile_elements(key_rows(width), width));
  return (q_in_registers(width) ? tiles : tiles.add<bf16>(tile_elements(block_rows, width)))
      .bytes();
}

// One block computes 64 query rows of one head, each of its four warps 16 of them. It walks over
// the keys that its last row sees in tiles of 64 (32 for wide heads); while one tile of k and v is
// multiplied, the next is on its way. q and y cross global memory once, k and v once for each 64
// query rows, mostly from L2 because the blocks of a head run next to each other. Bound by the
// matrix instructions and the exponentials between them; on Hopper, whose tensor cores are faster,
// by the loads of fragments: there attention_forward_wgmma.cu has the usual widths. Blocks with
// most keys come first, so that a causal mask leaves short ones for the end.
template <int Width>
__global__ void __launch_bounds__(threads, Width <= 128 ? 3 : 2)
    attention_forward(const AttentionForward<bf16> p) {
  constexpr int keys = key_rows(Width), steps = Width / 16;
  constexpr bool hold_q = q_in_registers(Width);
  SharedCarver carve;
  bf16* sk = carve.take<bf16>(2 * tile_elements(keys, Width));
  bf16* sv = carve.take<bf16>(2 * tile_elements(keys, Width));
  bf16* sq = sk + tile_elements(keys, Width);
  if constexpr (!hold_q) sq = carve.take<bf16>(tile_elements(block_rows, Width));

  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2;
  const int blocks = ceil_div(p.queries, block_rows);
  const int head = int(blockIdx.x) / blocks % p.heads;
  const int sequence = int(blockIdx.x) / blocks / p.heads;
  const int m0 = (blocks - 1 - int(blockIdx.x) % blocks) * block_rows;
  const int kv_head = head / (p.heads / p.kv_heads);
  const HeadRows<const bf16> k = p.k.of(sequence, kv_head, p.dim);
  const HeadRows<const bf16> v = p.v.of(sequence, kv_head, p.dim);

  const Sight sight = p.sight(sequence);
  const int last = sight.end(min(m0 + block_rows, p.queries) - 1);  // keys the block looks at
  const int tiles = ceil_div(last, keys);
  const int row0 = m0 + warp * 16 + g;  // the thread's rows are row0 and row0 + 8
  const int ends[2] = {sight.end(row0), sight.end(row0 + 8)};

  if (tiles > 0) {
    load_tile<block_rows, Width, threads>(sq, p.q.of(sequence, head, p.dim), m0, p.queries, p.dim,
                                          p.wide);
    load_tile<keys, Width, threads>(sk, k, 0, last, p.dim, p.wide);
    load_tile<keys, Width, threads>(sv, v, 0, last, p.dim, p.wide);
  }
  ptx::cp_async_commit();

  const float factor = softmax_factor(p.scale) * log2_e;
  const uint32_t sign = p.scale < 0.f ? 0x80008000u : 0u;
  uint32_t q[hold_q ? steps : 1][4];
  const auto read_q = [&](uint32_t(&a)[4], int step) {
    left_operand<Width>(a, sq + warp * 16 * tile_pitch(Width), step);
#pragma unroll
    for (int i = 0; i < 4; ++i) a[i] ^= sign;
  };
  if (hold_q && tiles > 0) {
    ptx::cp_async_wait<0>();
    __syncthreads();
#pragma unroll
    for (int step = 0; step < steps; ++step) read_q(q[hold_q ? step : 0], step);
  }
  float acc[Width / 8][4];
  clear(acc);
  RowSoftmax rows;

  for (int n = 0; n < tiles; ++n) {
    const int n0 = n * keys, buffer = n & 1;
    ptx::cp_async_wait<0>();
    __syncthreads();  // tile n has arrived, and nobody reads tile n - 1, or q, any more
    if (n + 1 < tiles) {
      const int at = (buffer ^ 1) * tile_elements(keys, Width);
      load_tile<keys, Width, threads>(sk + at, k, n0 + keys, last, p.dim, p.wide);
      load_tile<keys, Width, threads>(sv + at, v, n0 + keys, last, p.dim, p.wide);
    }
    ptx::cp_async_commit();
    const bf16* tk = sk + buffer * tile_elements(keys, Width);
    const bf16* tv = sv + buffer * tile_elements(keys, Width);

    float s[keys / 8][4];
    clear(s);
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      uint32_t(&a)[4] = q[hold_q ? step : 0];
      if (!hold_q) read_q(a, step);
      add_dots<Width>(s, a, tk, step);
    }

    if (n0 + keys > ends[0]) {
      const int seen[2] = {ends[0] - n0, ends[1] - n0};
      mask(s, seen);
    }
    rows.weigh(s, factor);
    rows.rescale(acc);

#pragma unroll
    for (int step = 0; step < keys / 16; ++step) {
      uint32_t a[4];
      rounded_operand(a, s, step);
      add_rows<Width>(acc, a, tv + step * 16 * tile_pitch(Width), 0);
    }
  }

  float inverse[2];
  float* lse = p.lse ? p.lse + (int64_t{sequence} * p.heads + head) * p.queries : nullptr;
  rows.finish(inverse, ends, p.scale, lse, row0, p.queries);
  // The buffer of k that the last tile was not in is free, and so are a warp's own rows of q.
  bf16* free = hold_q ? sk + (tiles & 1) * tile_elements(keys, Width) : sq;
  store_rows<Width>(acc, inverse[0], inverse[1], free + warp * 16 * tile_pitch(Width),
                    p.y.of(sequence, head, p.dim), m0 + warp * 16, p.queries, 0, p.dim, p.wide);
}

}  // namespace

void attend_tiles(const AttentionForward<bf16>& p, Stream& stream) {
  with_tile_width(p.dim, [&](auto width) {
    const int64_t blocks = int64_t{ceil_div(p.queries, block_rows)} * p.heads * p.sequences;
    launch(stream, attention_forward<width>, blocks, threads, shared_bytes(width), p);
  });
}

}  // namespace stylear::cuda
