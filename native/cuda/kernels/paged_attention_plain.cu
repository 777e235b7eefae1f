#include "../ptx.h"
#include "paged_attention.cuh"

namespace stylear::cuda {
namespace {

constexpr int threads = 128, warps = threads / 32, batch = 4;

// A lane's share of a row of up to 256 elements: elements 128 * c + 4 * lane + i, zero behind the
// end of the row.
struct LaneShare {
  float v[2][4];

  template <class T>
  __device__ __forceinline__ void fetch(const T* row, int dim, bool wide) {
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      const int at = 128 * c + 4 * (threadIdx.x & 31);
      if (wide && at < dim) {
        load(row + at, v[c]);
      } else {
#pragma unroll
        for (int i = 0; i < 4; ++i) v[c][i] = at + i < dim ? to_float(row[at + i]) : 0.f;
      }
    }
  }
};

// One block makes one piece for up to Rows rows that share a key-value head. A warp takes every
// fourth key, four keys at a time so that their loads are under way together, 16 bytes a lane where
// rows are wide; k and v are read once for each Rows rows. With one row memory bounds it, with more
// the sums over lanes.
template <class Q, class C, int Rows>
__global__ void __launch_bounds__(threads, 4) paged_pieces_plain(const PagedPieces<Q, C> p) {
  SharedCarver carve;
  float* scores = carve.take<float>(Rows * piece_keys);
  float* partial = carve.take<float>(warps * Rows * p.dim);

  const PieceOfRows work(p, Rows);
  const SharedRows& rows = work.rows;
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  const int length = p.length(rows.sequence);
  const int here = min(Rows, rows.count() - work.first_row);
  const int keys =
      min(piece_keys, p.end(length, rows.query(work.first_row + here - 1)) - work.first_key);
  if (keys <= 0) return;  // no row of the block sees the piece

  LaneShare q[Rows];
#pragma unroll
  for (int r = 0; r < Rows; ++r)
    if (r < here) q[r].fetch(p.q + rows.index(work.first_row + r) * p.dim, p.dim, p.wide);

  // Scores, in base 2; those of keys that a row does not see are minus infinity.
  for (int first = warp; first < piece_keys; first += warps * batch) {
    LaneShare k[batch];
#pragma unroll
    for (int u = 0; u < batch; ++u) {
      const int key = first + u * warps;
      if (key < keys)
        k[u].fetch(p.k_pages + p.key_at(rows.sequence, rows.kv_head, work.first_key + key), p.dim,
                   p.wide);
    }
#pragma unroll
    for (int u = 0; u < batch; ++u) {
      const int key = first + u * warps;
#pragma unroll
      for (int r = 0; r < Rows; ++r) {
        float dot = -INFINITY;
        if (r < here && key < keys) {
          dot = 0.f;
#pragma unroll
          for (int c = 0; c < 2; ++c)
#pragma unroll
            for (int i = 0; i < 4; ++i) dot = fmaf(q[r].v[c][i], k[u].v[c][i], dot);
          dot = warp_sum(dot) * p.scale;
          if (work.first_key + key >= p.end(length, rows.query(work.first_row + r)))
            dot = -INFINITY;
        }
        if (lane == 0) scores[r * piece_keys + key] = dot;
      }
    }
  }
  __syncthreads();

  for (int r = warp; r < here; r += warps) {
    float* row = scores + r * piece_keys;
    float top = -INFINITY;
#pragma unroll
    for (int i = lane; i < piece_keys; i += 32) top = fmaxf(top, row[i]);
    top = warp_max(top);
    const float base = top == -INFINITY ? 0.f : top;
    float total = 0.f;
#pragma unroll
    for (int i = lane; i < piece_keys; i += 32) {
      row[i] = ptx::exp2_approx((row[i] - base) * log2_e);
      total += row[i];
    }
    total = warp_sum(total);
    if (lane == 0)
      p.statistics[rows.index(work.first_row + r) * p.pieces + work.piece] =
          make_float2(top * log2_e, total);
  }
  __syncthreads();

  LaneShare acc[Rows] = {};
  for (int first = warp; first < keys; first += warps * batch) {
    LaneShare v[batch];
#pragma unroll
    for (int u = 0; u < batch; ++u) {
      const int key = first + u * warps;
      if (key < keys)
        v[u].fetch(p.v_pages + p.key_at(rows.sequence, rows.kv_head, work.first_key + key), p.dim,
                   p.wide);
    }
#pragma unroll
    for (int u = 0; u < batch; ++u) {
      const int key = first + u * warps;
      if (key >= keys) continue;
#pragma unroll
      for (int r = 0; r < Rows; ++r) {
        if (r >= here) continue;
        const float weight = scores[r * piece_keys + key];
#pragma unroll
        for (int c = 0; c < 2; ++c)
#pragma unroll
          for (int i = 0; i < 4; ++i) acc[r].v[c][i] = fmaf(weight, v[u].v[c][i], acc[r].v[c][i]);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < Rows; ++r)
#pragma unroll
    for (int c = 0; c < 2; ++c)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = 128 * c + 4 * lane + i;
        if (at < p.dim) partial[(warp * Rows + r) * p.dim + at] = acc[r].v[c][i];
      }
  __syncthreads();
  for (int i = threadIdx.x; i < here * p.dim; i += threads) {
    const int r = i / p.dim, column = i % p.dim;
    float sum = partial[i];
#pragma unroll
    for (int w = 1; w < warps; ++w) sum += partial[w * Rows * p.dim + i];
    const int64_t slot = rows.index(work.first_row + r) * p.pieces + work.piece;
    p.sums[slot * p.dim + column] = sum;
  }
}

template <class Q, class C, int Rows>
void launch_pieces(const PagedPieces<Q, C>& p, int sequences, Stream& stream) {
  const int rows = p.queries * (p.heads / p.kv_heads);
  const int64_t blocks = int64_t{sequences} * p.kv_heads * ceil_div(rows, Rows) * p.pieces;
  const SharedSize scores = SharedSize().add<float>(Rows * piece_keys);
  const SharedSize both = scores.add<float>(warps * Rows * p.dim);
  launch(stream, paged_pieces_plain<Q, C, Rows>, blocks, threads, both.bytes(), p);
}

}  // namespace

template <class Q, class C>
void attend_pieces_plain(const PagedPieces<Q, C>& p, int sequences, Stream& stream) {
  if (p.queries * (p.heads / p.kv_heads) == 1)
    launch_pieces<Q, C, 1>(p, sequences, stream);
  else
    launch_pieces<Q, C, 4>(p, sequences, stream);
}

template void attend_pieces_plain(const PagedPieces<float, float>&, int, Stream&);
template void attend_pieces_plain(const PagedPieces<float, bf16>&, int, Stream&);
template void attend_pieces_plain(const PagedPieces<bf16, float>&, int, Stream&);

}  // namespace stylear::cuda
