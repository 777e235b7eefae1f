// The formulas are those of attention_backward.cu.
#include "attention_plain.cuh"

namespace stylear::cuda {
namespace {

constexpr int most_columns = 4 * plain_tile;  // that one block sums

constexpr size_t shared_bytes(int weights) {
  SharedSize size = SharedSize().add<float>(plain_tile * plain_pitch);
  for (int i = 0; i < weights; ++i) size = size.add<float>(plain_tile * plain_pitch);
  return size.bytes();
}

// One block computes 64 rows and at most 256 columns of dq for one head, walking over tiles of 64
// keys. Every operand is fetched again for each tile, mostly from L2; bound by the multiply-add
// units.
template <class T, int N>
__global__ void __launch_bounds__(plain_threads) plain_dq(const AttentionGradient<T> p) {
  SharedCarver carve;
  float* space = carve.take<float>(plain_tile * plain_pitch);
  float* weights = carve.take<float>(plain_tile * plain_pitch);

  const int parts = ceil_div(p.dim, most_columns), blocks = ceil_div(p.queries, plain_tile);
  const int column0 = int(blockIdx.x) % parts * most_columns;
  const int m0 = (blocks - 1 - int(blockIdx.x) / parts % blocks) * plain_tile;
  const int head = int(blockIdx.x) / parts / blocks % p.heads;
  const int sequence = int(blockIdx.x) / parts / blocks / p.heads;
  const int kv_head = head / (p.heads / p.kv_heads);
  const HeadRows<const T> q = p.q.of(sequence, head, p.dim);
  const HeadRows<const T> dy = p.dy.of(sequence, head, p.dim);
  const HeadRows<const T> k = p.k.of(sequence, kv_head, p.dim);
  const HeadRows<const T> v = p.v.of(sequence, kv_head, p.dim);

  const Sight sight = p.sight(sequence);
  const int last = sight.end(min(m0 + plain_tile, p.queries) - 1);
  const int64_t statistics = (int64_t{sequence} * p.heads + head) * p.queries;
  int ends[4];
  float lse[4], delta[4], acc[N][4][4];
#pragma unroll
  for (int n = 0; n < N; ++n) plain_clear(acc[n]);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int row = m0 + 4 * plain_ty() + i;
    ends[i] = row < p.queries ? sight.end(row) : 0;
    lse[i] = ends[i] > 0 ? p.lse[statistics + row] : 0.f;
    delta[i] = ends[i] > 0 ? p.delta[statistics + row] : 0.f;
  }

  for (int n0 = 0; n0 < last; n0 += plain_tile) {
    float s[4][4], ds[4][4];
    dot_rows(s, space, q, m0, p.queries, k, n0, last, p.dim);
    dot_rows(ds, space, dy, m0, p.queries, v, n0, last, p.dim);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float weight = ptx::exp2_approx((s[i][j] * p.scale - lse[i]) * log2_e);
        ds[i][j] = n0 + 4 * plain_tx() + j < ends[i] ? weight * (ds[i][j] - delta[i]) : 0.f;
      }
    put_transposed(weights, ds);
    add_weighted_rows(acc, space, weights, k, n0, last, column0, p.dim);
  }
  const float factor[4] = {p.scale, p.scale, p.scale, p.scale};
  store_results(acc, factor, p.dq.of(sequence, head, p.dim), m0, p.queries, column0, p.dim);
}

// One block computes 64 rows and at most 256 columns of dk and dv for one key-value head, walking
// over tiles of 64 queries of the heads that share it, head by head. Bound as plain_dq.
template <class T, int N>
__global__ void __launch_bounds__(plain_threads) plain_dk_dv(const AttentionGradient<T> p) {
  SharedCarver carve;
  float* space = carve.take<float>(plain_tile * plain_pitch);
  float* weights = carve.take<float>(plain_tile * plain_pitch);
  float* gradients = carve.take<float>(plain_tile * plain_pitch);

  const int parts = ceil_div(p.dim, most_columns), blocks = ceil_div(p.keys, plain_tile);
  const int column0 = int(blockIdx.x) % parts * most_columns;
  const int n0 = int(blockIdx.x) / parts % blocks * plain_tile;
  const int kv_head = int(blockIdx.x) / parts / blocks % p.kv_heads;
  const int sequence = int(blockIdx.x) / parts / blocks / p.kv_heads;
  const int group = p.heads / p.kv_heads;
  const HeadRows<const T> k = p.k.of(sequence, kv_head, p.dim);
  const HeadRows<const T> v = p.v.of(sequence, kv_head, p.dim);

  // Keys n0 and later are seen from query m_first on, and by nobody behind the length.
  const Sight sight = p.sight(sequence);
  const int m_first = p.causal ? max(0, n0 - sight.offset) / plain_tile * plain_tile : 0;
  const int m_end = n0 < sight.length ? p.queries : 0;
  float dk[N][4][4], dv[N][4][4];
#pragma unroll
  for (int n = 0; n < N; ++n) {
    plain_clear(dk[n]);
    plain_clear(dv[n]);
  }

  for (int head = kv_head * group; head < (kv_head + 1) * group; ++head) {
    const HeadRows<const T> q = p.q.of(sequence, head, p.dim);
    const HeadRows<const T> dy = p.dy.of(sequence, head, p.dim);
    const int64_t statistics = (int64_t{sequence} * p.heads + head) * p.queries;
    for (int m0 = m_first; m0 < m_end; m0 += plain_tile) {
      float s[4][4], ds[4][4];
      dot_rows(s, space, k, n0, sight.length, q, m0, p.queries, p.dim);
      dot_rows(ds, space, v, n0, sight.length, dy, m0, p.queries, p.dim);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int row = m0 + 4 * plain_tx() + j, end = row < p.queries ? sight.end(row) : 0;
        const float lse = end > 0 ? p.lse[statistics + row] : 0.f;
        const float delta = end > 0 ? p.delta[statistics + row] : 0.f;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const bool seen = n0 + 4 * plain_ty() + i < end;
          const float weight = ptx::exp2_approx((s[i][j] * p.scale - lse) * log2_e);
          s[i][j] = seen ? weight : 0.f;
          ds[i][j] = seen ? weight * (ds[i][j] - delta) : 0.f;
        }
      }
      put_transposed(weights, s);
      put_transposed(gradients, ds);
      add_weighted_rows(dv, space, weights, dy, m0, p.queries, column0, p.dim);
      add_weighted_rows(dk, space, gradients, q, m0, p.queries, column0, p.dim);
    }
  }
  const float dk_factor[4] = {p.scale, p.scale, p.scale, p.scale};
  const float dv_factor[4] = {1.f, 1.f, 1.f, 1.f};
  store_results(dk, dk_factor, p.dk.of(sequence, kv_head, p.dim), n0, p.keys, column0, p.dim);
  store_results(dv, dv_factor, p.dv.of(sequence, kv_head, p.dim), n0, p.keys, column0, p.dim);
}

}  // namespace

template <class T>
void attend_plain_backward(const AttentionGradient<T>& p, Stream& stream) {
  attention_delta(p, stream);
  const int64_t parts = ceil_div(p.dim, most_columns);
  const int64_t q_blocks = parts * ceil_div(p.queries, plain_tile) * p.heads * p.sequences;
  const int64_t k_blocks = parts * ceil_div(p.keys, plain_tile) * p.kv_heads * p.sequences;
  const auto run = [&](auto n) {
    launch(stream, plain_dq<T, n>, q_blocks, plain_threads, shared_bytes(1), p);
    launch(stream, plain_dk_dv<T, n>, k_blocks, plain_threads, shared_bytes(2), p);
  };
  // bf16 comes here only with wide heads.
  if constexpr (sizeof(T) == sizeof(float))
    with_column_blocks<4>(p.dim, run);
  else
    run(std::integral_constant<int, 4>());
}

template void attend_plain_backward(const AttentionGradient<float>&, Stream&);
template void attend_plain_backward(const AttentionGradient<bf16>&, Stream&);

}  // namespace stylear::cuda
