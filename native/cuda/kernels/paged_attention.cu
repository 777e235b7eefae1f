#include "paged_attention.cuh"

#include "../ptx.h"
#include "../run.h"

namespace stylear::cuda {
namespace {

constexpr int threads = 128;

// y of a row from its pieces. One block per row, a thread per column; bound by memory, of which it
// takes as much as the first step wrote: one 64th of the cache at 256 keys a piece, in f32.
template <class Q, class C>
__global__ void __launch_bounds__(threads) paged_combine(const PagedPieces<Q, C> p, Q* y) {
  const int64_t row = blockIdx.x;
  const int query = int(row / p.heads % p.queries), sequence = int(row / p.heads / p.queries);
  const int pieces = ceil_div(p.end(p.length(sequence), query), piece_keys);
  const float2* statistics = p.statistics + row * p.pieces;
  const float* sums = p.sums + row * p.pieces * p.dim;
  float top = -INFINITY;
  for (int i = 0; i < pieces; ++i) top = fmaxf(top, statistics[i].x);
  for (int column = threadIdx.x; column < p.dim; column += threads) {
    float total = 0.f, sum = 0.f;
    for (int i = 0; i < pieces; ++i) {
      const float weight = ptx::exp2_approx(statistics[i].x - top);
      total = fmaf(weight, statistics[i].y, total);
      sum = fmaf(weight, sums[int64_t{i} * p.dim + column], sum);
    }
    y[row * p.dim + column] = from_float<Q>(pieces > 0 ? sum / total : 0.f);
  }
}

template <class Q, class C>
void paged_attention(const PagedAttention& op, Stream& stream) {
  const Shape &q = op.q.shape, &pages = op.k_pages.shape;
  const int sequences = static_cast<int>(q[0]);
  PagedPieces<Q, C> p{};
  p.q = op.q.as<Q>();
  p.k_pages = op.k_pages.as<C>();
  p.v_pages = op.v_pages.as<C>();
  p.table = op.table.as<int>();
  p.lengths = op.lengths.as<int>();
  p.queries = static_cast<int>(q[1]);
  p.heads = static_cast<int>(q[2]);
  p.dim = static_cast<int>(q[3]);
  p.pages = static_cast<int>(pages[0]);
  p.kv_heads = static_cast<int>(pages[1]);
  p.page_tokens = static_cast<int>(pages[2]);
  p.max_pages = static_cast<int>(op.table.shape[1]);
  const int64_t capacity = op.table.shape[1] * pages[2], rows = q.count(0, 3);
  p.pieces = static_cast<int>(ceil_div<int64_t>(capacity, piece_keys));
  p.scale = op.scale;
  p.wide = vectors_of(16 / int64_t{sizeof(Q)}, p.dim, p.q) &&
           vectors_of(16 / int64_t{sizeof(C)}, p.dim, p.k_pages, p.v_pages);
  p.length_fault = stream.fault(op.name, "lengths", 0, capacity + 1);
  p.page_fault = stream.fault(op.name, "table", 0, p.pages);
  p.sums = stream.scratch<float>(rows * p.pieces * p.dim);
  p.statistics = stream.scratch<float2>(rows * p.pieces);

  if constexpr (sizeof(Q) == sizeof(bf16) && sizeof(C) == sizeof(bf16))
    attend_pieces_tiles(p, sequences, stream);
  else
    attend_pieces_plain(p, sequences, stream);
  launch(stream, paged_combine<Q, C>, rows, threads, 0, p, op.y.as<Q>());
}

}  // namespace

void run(const PagedAttention& op, Stream& stream) {
  const bool q_f32 = op.q.dtype == Dtype::f32, cache_f32 = op.k_pages.dtype == Dtype::f32;
  if (q_f32)
    cache_f32 ? paged_attention<float, float>(op, stream)
              : paged_attention<float, bf16>(op, stream);
  else
    cache_f32 ? paged_attention<bf16, float>(op, stream) : paged_attention<bf16, bf16>(op, stream);
}

}  // namespace stylear::cuda
