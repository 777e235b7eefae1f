#include "attention_plain.cuh"

namespace stylear::cuda {
namespace {

constexpr size_t shared_bytes() {
  return SharedSize()
      .add<float>(plain_tile * plain_pitch)
      .add<float>(plain_tile * plain_pitch)
      .bytes();
}

// One block computes 64 query rows of one head with an online softmax over tiles of 64 keys. The
// queries are fetched again for each tile, from L1 or L2; k and v are read once for each 64 query
// rows. Bound by the multiply-add units, about half of which it keeps busy.
template <class T, int N>
__global__ void __launch_bounds__(plain_threads) attention_plain(const AttentionForward<T> p) {
  SharedCarver carve;
  float* space = carve.take<float>(plain_tile * plain_pitch);
  float* weights = carve.take<float>(plain_tile * plain_pitch);

  const int blocks = ceil_div(p.queries, plain_tile);
  const int head = int(blockIdx.x) / blocks % p.heads;
  const int sequence = int(blockIdx.x) / blocks / p.heads;
  const int m0 = (blocks - 1 - int(blockIdx.x) % blocks) * plain_tile;
  const int kv_head = head / (p.heads / p.kv_heads);
  const HeadRows<const T> q = p.q.of(sequence, head, p.dim);
  const HeadRows<const T> k = p.k.of(sequence, kv_head, p.dim);
  const HeadRows<const T> v = p.v.of(sequence, kv_head, p.dim);

  const Sight sight = p.sight(sequence);
  const int last = sight.end(min(m0 + plain_tile, p.queries) - 1);  // keys the block looks at
  int ends[4];
  float acc[N][4][4], row_max[4], row_sum[4];
#pragma unroll
  for (int n = 0; n < N; ++n) plain_clear(acc[n]);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    ends[i] = sight.end(m0 + 4 * plain_ty() + i);
    row_max[i] = -INFINITY;
    row_sum[i] = 0.f;
  }

  for (int n0 = 0; n0 < last; n0 += plain_tile) {
    float s[4][4];
    dot_rows(s, space, q, m0, p.queries, k, n0, last, p.dim);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float top = row_max[i];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const bool seen = n0 + 4 * plain_tx() + j < ends[i];
        s[i][j] = seen ? s[i][j] * p.scale : -INFINITY;
        top = fmaxf(top, s[i][j]);
      }
#pragma unroll
      for (int d = 8; d > 0; d >>= 1) top = fmaxf(top, __shfl_xor_sync(full_warp, top, d));
      const float base = top == -INFINITY ? 0.f : top;
      const float shrink = ptx::exp2_approx((row_max[i] - base) * log2_e);
      row_max[i] = top;
      row_sum[i] *= shrink;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        s[i][j] = ptx::exp2_approx((s[i][j] - base) * log2_e);
        row_sum[i] += s[i][j];
      }
#pragma unroll
      for (int n = 0; n < N; ++n)
#pragma unroll
        for (int j = 0; j < 4; ++j) acc[n][i][j] *= shrink;
    }
    put_transposed(weights, s);
    add_weighted_rows(acc, space, weights, v, n0, last, 0, p.dim);
  }

  float inverse[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    float sum = row_sum[i];
#pragma unroll
    for (int d = 8; d > 0; d >>= 1) sum += __shfl_xor_sync(full_warp, sum, d);
    inverse[i] = ends[i] > 0 ? 1.f / sum : 0.f;
    const int row = m0 + 4 * plain_ty() + i;
    if (p.lse && plain_tx() == 0 && row < p.queries)
      p.lse[(int64_t{sequence} * p.heads + head) * p.queries + row] =
          ends[i] > 0 ? row_max[i] + logf(sum) : -INFINITY;
  }
  store_results(acc, inverse, p.y.of(sequence, head, p.dim), m0, p.queries, 0, p.dim);
}

}  // namespace

template <class T>
void attend_plain(const AttentionForward<T>& p, Stream& stream) {
  const int64_t blocks = int64_t{ceil_div(p.queries, plain_tile)} * p.heads * p.sequences;
  const auto run = [&](auto n) {
    launch(stream, attention_plain<T, n>, blocks, plain_threads, shared_bytes(), p);
  };
  // bf16 comes here only with wide heads.
  if constexpr (sizeof(T) == sizeof(float))
    with_column_blocks<8>(p.dim, run);
  else
    run(std::integral_constant<int, 8>());
}

template void attend_plain(const AttentionForward<float>&, Stream&);
template void attend_plain(const AttentionForward<bf16>&, Stream&);

}  // namespace stylear::cuda
