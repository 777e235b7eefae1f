// Attention forward for bf16 on Hopper: products of warpgroups, fed by bulk copies (Shah et al.
// 2024, FlashAttention-3).
//
// A block of threads is two warpgroups that multiply and a warp that fetches. It computes 128 query
// rows of one head, 64 per warpgroup, then the next 128 that no other block has taken. The warp
// runs ahead through a ring of tiles of 128 keys, also into the next rows, so that the tensor cores
// do not wait where one ends. While the scores of a tile and the values of the tile before are
// multiplied, the other warpgroup has its softmax: they take turns at starting products. q and y
// cross global memory once, k and v once for each 128 query rows, mostly from L2. The tensor cores
// are the bound, with 64 columns the exponentials as well.
#include <algorithm>

#include "../tensor_map.h"
#include "attention_tiles.cuh"

namespace stylear::cuda {
namespace {

constexpr int block_rows = 128, group_rows = 64, keys = 128;
constexpr int consumers = 256, threads = consumers + 128;
constexpr int line = 64;  // columns of a tile lie in pieces of as many, one behind the other

constexpr int stages_of(int dim) { return dim == 64 ? 4 : 2; }
constexpr int tile_size(int dim) { return keys * dim; }

struct Signals {
  static constexpr int most = 4;  // stages
  uint64_t q_full, q_empty;
  uint64_t k_full[most], k_empty[most], v_full[most], v_empty[most];
  uint64_t v_landed;  // of a tile of v that has to be trimmed before it is full
  uint64_t turn[2];   // each warpgroup's, to start products
  int item;           // that q belongs to; at the end -1
};

constexpr size_t shared_bytes(int dim) {
  return SharedSize()
      .add<bf16>(tile_size(dim), 1024)
      .add<bf16>(stages_of(dim) * tile_size(dim), 1024)
      .add<bf16>(stages_of(dim) * tile_size(dim), 1024)
      .add<bf16>(tile_elements(block_rows, dim))
      .add<Signals>(1)
      .bytes();
}

template <int Dim>
struct Shared {
  static constexpr int stages = stages_of(Dim), tile = tile_size(Dim);
  static constexpr unsigned tile_bytes = tile * sizeof(bf16);
  bf16 *q, *k, *v, *y;
  Signals* signals;

  __device__ __forceinline__ Shared() {
    SharedCarver carve;
    q = carve.take<bf16>(tile, 1024);
    k = carve.take<bf16>(stages * tile, 1024);
    v = carve.take<bf16>(stages * tile, 1024);
    y = carve.take<bf16>(tile_elements(block_rows, Dim));
    signals = carve.take<Signals>(1);
  }
};
static_assert(block_rows == keys);  // a tile of q is as large as those of k and v

// The order of the blocks of rows: of `near` heads, whose k and v stay in L2 meanwhile, all that
// have most keys, and so on, then the next heads. So a causal mask leaves short ones for the end.
struct Schedule {
  int near;
  int* taken;  // by thread blocks, beyond the first of each; null where there are no more
};

// The rows of an item of that order.
struct QueryBlock {
  int sequence, head, row;
  Sight sight;
  int last;  // keys that its last row sees

  __device__ __forceinline__ QueryBlock(const AttentionShape& p, int near, int item) {
    const int blocks = ceil_div(p.queries, block_rows);
    const int first = item / (near * blocks) * near, place = item % (near * blocks);
    const int heads = min(near, p.sequences * p.heads - first);
    row = (blocks - 1 - place / heads) * block_rows;
    head = (first + place % heads) % p.heads;
    sequence = (first + place % heads) / p.heads;
    sight = p.sight(sequence);
    last = sight.end(min(row + block_rows, p.queries) - 1);
  }
  __device__ __forceinline__ int tiles() const { return ceil_div(last, keys); }
};

__host__ __device__ __forceinline__ int items_of(const AttentionShape& p) {
  return ceil_div(p.queries, block_rows) * p.heads * p.sequences;
}

// ---- The warp that fetches.

template <int Dim>
__device__ __forceinline__ void fetch_rows(bf16* tile, const TensorMap* map, uint64_t* full,
                                           int sequence, int head, int row) {
  ptx::mbarrier_arrive_expect(full, Shared<Dim>::tile_bytes);
#pragma unroll
  for (int column = 0; column < Dim; column += line)
    ptx::tensor_load_4d(tile + column * keys, map, full, column, head, row, sequence);
}

// Clears the rows of a tile from `first` on: their weights are zero, but NaN and infinity would
// come through.
template <int Dim>
__device__ __forceinline__ void clear_rows(bf16* tile, int first) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int column = 0; column < Dim; column += line)
    for (int i = first * line + lane * 8; i < keys * line; i += 32 * 8)
      *reinterpret_cast<uint4*>(tile + column * keys + i) = make_uint4(0, 0, 0, 0);
}

template <int Dim>
__device__ __forceinline__ void fetch(const Shared<Dim>& shared, const TensorMap* q_map,
                                      const TensorMap* k_map, const TensorMap* v_map,
                                      const AttentionShape& p, const Schedule& schedule) {
  constexpr int stages = Shared<Dim>::stages, size = Shared<Dim>::tile;
  Signals& signals = *shared.signals;
  const int lane = threadIdx.x & 31, items = items_of(p);
  int item = blockIdx.x, trimmed = 0;
  int begun = 0;  // tiles of the items before
  for (int i = 0;; ++i) {
    if (lane == 0) {
      if (i > 0) ptx::mbarrier_wait(&signals.q_empty, (i - 1) & 1);
      signals.item = item < items ? item : -1;
    }
    if (item >= items) {
      if (lane == 0) ptx::mbarrier_arrive(&signals.q_full);
      return;
    }
    const QueryBlock block(p, schedule.near, item);
    const int tiles = block.tiles(), kv_head = block.head / (p.heads / p.kv_heads);
    if (lane == 0) {
      if (tiles > 0)
        fetch_rows<Dim>(shared.q, q_map, &signals.q_full, block.sequence, block.head, block.row);
      else
        ptx::mbarrier_arrive(&signals.q_full);
    }
    for (int n = 0; n <= tiles && tiles > 0; ++n) {  // as they are wanted: v one tile later
      if (n < tiles && lane == 0) {
        const int s = (begun + n) % stages, turn = (begun + n) / stages;
        if (turn > 0) ptx::mbarrier_wait(signals.k_empty + s, (turn - 1) & 1);
        fetch_rows<Dim>(shared.k + s * size, k_map, signals.k_full + s, block.sequence, kv_head,
                        n * keys);
      }
      if (n == 0) continue;
      const int s = (begun + n - 1) % stages, turn = (begun + n - 1) / stages;
      const int inside = block.last - (n - 1) * keys;
      const bool trim = inside < keys && block.last < p.keys;
      bf16* tile = shared.v + s * size;
      if (lane == 0) {
        if (turn > 0) ptx::mbarrier_wait(signals.v_empty + s, (turn - 1) & 1);
        fetch_rows<Dim>(tile, v_map, trim ? &signals.v_landed : signals.v_full + s, block.sequence,
                        kv_head, (n - 1) * keys);
      }
      if (!trim) continue;
      ptx::mbarrier_wait(&signals.v_landed, trimmed++ & 1);
      clear_rows<Dim>(tile, inside);
      ptx::fence_proxy_async();
      __syncwarp();
      if (lane == 0) ptx::mbarrier_arrive(signals.v_full + s);
    }
    begun += tiles;
    int next = items;
    if (lane == 0 && schedule.taken) next = int(gridDim.x) + atomicAdd(schedule.taken, 1);
    item = __shfl_sync(full_warp, next, 0);
  }
}

// ---- The warpgroups that multiply.

// An accumulator as the instructions take it.
template <int N>
__device__ __forceinline__ float (&registers_of(float (&acc)[N][4]))[4 * N] {
  return reinterpret_cast<float(&)[4 * N]>(acc);
}

// s = q k^T: 64 rows of q and a tile of k, given by their descriptors.
template <int Dim>
__device__ __forceinline__ void start_scores(float (&s)[keys / 8][4], uint64_t q, uint64_t k) {
#pragma unroll
  for (int column = 0; column < Dim; column += 16) {
    const int at = (column / line * line * keys + column % line) * sizeof(bf16) / 16;
    ptx::wgmma_m64n128k16<false, false>(registers_of(s), q + at, k + at, column > 0);
  }
  ptx::wgmma_commit();
}

// acc += weights v: a tile of v, given by its descriptor.
template <int Dim>
__device__ __forceinline__ void start_sums(float (&acc)[Dim / 8][4],
                                           const uint32_t (&weights)[keys / 16][4], uint64_t v) {
#pragma unroll
  for (int step = 0; step < keys / 16; ++step) {
    const uint64_t rows = v + step * 16 * line * sizeof(bf16) / 16;
    if constexpr (Dim == 64)
      ptx::wgmma_m64n64k16<true>(registers_of(acc), weights[step], rows, true);
    else
      ptx::wgmma_m64n128k16<true>(registers_of(acc), weights[step], rows, true);
  }
  ptx::wgmma_commit();
}

template <int Dim>
__device__ __forceinline__ void attend_rows(const Shared<Dim>& shared,
                                            const AttentionForward<bf16>& p, int near) {
  constexpr int stages = Shared<Dim>::stages;
  Signals& signals = *shared.signals;
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2;
  // As a shuffle, because the compiler then knows that it, and the descriptors, are the warp's.
  const int group = __shfl_sync(full_warp, warp >> 2, 0);
  const float factor = softmax_factor(p.scale) * log2_e;
  const uint64_t q = ptx::wgmma_descriptor(shared.q + group * group_rows * line, 0, 1024);
  const uint64_t k = ptx::wgmma_descriptor(shared.k, 0, 1024);
  const uint64_t v = ptx::wgmma_descriptor(shared.v, keys * line * sizeof(bf16), 1024);
  const auto arrive = [lane](uint64_t* barrier) {
    if (lane == 0) ptx::mbarrier_arrive(barrier);
  };
  int turns = 0, begun = 0;
  if (group == 1) arrive(&signals.turn[0]);  // it begins

  for (int i = 0;; ++i) {
    ptx::mbarrier_wait(&signals.q_full, i & 1);
    const int item = signals.item;
    __syncwarp();
    if (item < 0) return;
    const QueryBlock block(p, near, item);
    const int tiles = block.tiles(), first = block.row + (warp & 3) * 16 + group * group_rows;
    const int ends[2] = {block.sight.end(first + g), block.sight.end(first + g + 8)};
    const int seen_by_all = block.sight.end(block.row + group * group_rows);

    float acc[Dim / 8][4], s[keys / 8][4];
    uint32_t weights[keys / 16][4];
    RowSoftmax rows;
    clear(acc);
    const auto weigh = [&](int n) {
      if (p.scale < 0.f) {
#pragma unroll
        for (int c = 0; c < keys / 8; ++c)
#pragma unroll
          for (int j = 0; j < 4; ++j) s[c][j] = -s[c][j];
      }
      if ((n + 1) * keys > seen_by_all) {
        const int seen[2] = {ends[0] - n * keys, ends[1] - n * keys};
        mask(s, seen);
      }
      rows.weigh(s, factor);
    };
    // The next tile of k is awaited before the products that are under way: the compiler moves
    // nothing across a wait that may loop, but would pull the other one up before the softmax.
    const auto await_k = [&](int n) {
      ptx::mbarrier_wait(signals.k_full + (begun + n) % stages, (begun + n) / stages & 1);
    };
    const auto round = [&] {
#pragma unroll
      for (int step = 0; step < keys / 16; ++step) rounded_operand(weights[step], s, step);
    };

    if (tiles > 0) {
      const int at = begun % stages;
      await_k(0);
      ptx::mbarrier_wait(&signals.turn[group], turns++ & 1);
      ptx::wgmma_fence();
      start_scores<Dim>(s, q, k + at * (Shared<Dim>::tile_bytes / 16));
      arrive(&signals.turn[group ^ 1]);
      ptx::wgmma_wait<0>();
      ptx::wgmma_settle(registers_of(s));
      arrive(signals.k_empty + at);
      weigh(0);
      if (tiles > 1) await_k(1);
      round();
    }
    for (int n = 1; n < tiles; ++n) {
      const int at = (begun + n) % stages;
      const int before = (begun + n - 1) % stages, phase_before = (begun + n - 1) / stages & 1;
      ptx::mbarrier_wait(&signals.turn[group], turns++ & 1);
      ptx::wgmma_fence();
      start_scores<Dim>(s, q, k + at * (Shared<Dim>::tile_bytes / 16));
      ptx::mbarrier_wait(signals.v_full + before, phase_before);
      ptx::wgmma_fence();
      start_sums<Dim>(acc, weights, v + before * (Shared<Dim>::tile_bytes / 16));
      arrive(&signals.turn[group ^ 1]);
      ptx::wgmma_wait<1>();
      ptx::wgmma_settle(registers_of(s));
      arrive(signals.k_empty + at);
      weigh(n);
      if (n + 1 < tiles) await_k(n + 1);
      ptx::wgmma_wait<0>();
      ptx::wgmma_settle(registers_of(acc));
      arrive(signals.v_empty + before);
      rows.rescale(acc);
      round();
    }
    arrive(&signals.q_empty);
    if (tiles > 0) {
      const int at = (begun + tiles - 1) % stages, phase = (begun + tiles - 1) / stages & 1;
      ptx::mbarrier_wait(signals.v_full + at, phase);
      ptx::wgmma_fence();
      start_sums<Dim>(acc, weights, v + at * (Shared<Dim>::tile_bytes / 16));
      ptx::wgmma_wait<0>();
      ptx::wgmma_settle(registers_of(acc));
      arrive(signals.v_empty + at);
    }
    begun += tiles;

    float inverse[2];
    float* lse =
        p.lse ? p.lse + (int64_t{block.sequence} * p.heads + block.head) * p.queries : nullptr;
    rows.finish(inverse, ends, p.scale, lse, first + g, p.queries);
    store_rows<Dim>(acc, inverse[0], inverse[1], shared.y + warp * 16 * tile_pitch(Dim),
                    p.y.of(block.sequence, block.head, p.dim), first, p.queries, 0, p.dim, true);
  }
}

template <int Dim>
__global__ void __launch_bounds__(threads, 1)
    attention_forward_wgmma(const __grid_constant__ TensorMap q_map,
                            const __grid_constant__ TensorMap k_map,
                            const __grid_constant__ TensorMap v_map, const AttentionForward<bf16> p,
                            Schedule schedule) {
  const Shared<Dim> shared;
  if (threadIdx.x == 0) {
    Signals& signals = *shared.signals;
    ptx::mbarrier_init(&signals.q_full, 1);
    ptx::mbarrier_init(&signals.q_empty, consumers / 32);  // one arrival per warp
    for (int s = 0; s < Shared<Dim>::stages; ++s) {
      ptx::mbarrier_init(signals.k_full + s, 1);
      ptx::mbarrier_init(signals.k_empty + s, consumers / 32);
      ptx::mbarrier_init(signals.v_full + s, 1);
      ptx::mbarrier_init(signals.v_empty + s, consumers / 32);
    }
    ptx::mbarrier_init(&signals.v_landed, 1);
    for (int group = 0; group < 2; ++group)
      ptx::mbarrier_init(signals.turn + group, consumers / 64);
    ptx::fence_proxy_async();
  }
  __syncthreads();
  if (threadIdx.x >= consumers) {
    ptx::registers_give<40>();
    if (threadIdx.x < consumers + 32) fetch<Dim>(shared, &q_map, &k_map, &v_map, p, schedule);
  } else {
    ptx::registers_take<232>();
    attend_rows<Dim>(shared, p, schedule.near);
  }
}

__global__ void clear_count(int* count) { *count = 0; }

TensorMap map_of(const Heads<const bf16>& x, int dim, int heads, int rows, int sequences) {
  return tensor_map(x.first, {dim, heads, rows, sequences}, {dim, x.stride, x.first_sequence},
                    {line, 1, keys, 1});
}

template <int Dim>
void attend(const AttentionForward<bf16>& p, Stream& stream) {
  const int items = items_of(p), blocks = std::min(items, stream.multiprocessors);
  constexpr int64_t cached_bytes = 32 << 20;  // of L2
  const int64_t head_bytes = int64_t{p.keys} * p.dim * 2 * int64_t{sizeof(bf16)};
  const int near = static_cast<int>(std::clamp<int64_t>(cached_bytes / head_bytes, 1, 32)) *
                   (p.heads / p.kv_heads);
  Schedule schedule{std::min(near, p.heads * p.sequences), nullptr};
  if (items > blocks) {
    schedule.taken = stream.scratch<int>(1);
    launch(stream, clear_count, 1, 1, 0, schedule.taken);
  }
  launch(stream, attention_forward_wgmma<Dim>, blocks, threads, shared_bytes(Dim),
         map_of(p.q, p.dim, p.heads, p.queries, p.sequences),
         map_of(p.k, p.dim, p.kv_heads, p.keys, p.sequences),
         map_of(p.v, p.dim, p.kv_heads, p.keys, p.sequences), p, schedule);
}

}  // namespace

bool suits_wgmma(const AttentionForward<bf16>& p, const Stream& stream) {
  const bool one_segment = p.k.split == p.keys;
  const int64_t items = int64_t{ceil_div(p.queries, block_rows)} * p.heads * p.sequences;
  return stream.compute_capability == 90 && (p.dim == 64 || p.dim == 128) && p.wide &&
         one_segment && p.keys > 0 && items < (1 << 30);
}

void attend_wgmma(const AttentionForward<bf16>& p, Stream& stream) {
  p.dim == 64 ? attend<64>(p, stream) : attend<128>(p, stream);
}

}  // namespace stylear::cuda
