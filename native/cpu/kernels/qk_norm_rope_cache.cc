#include "../../core/ops/qk_norm_rope_cache.h"

#include "../dispatch.h"
#include "../moments.h"
#include "../page_table.h"
#include "../rotary.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// Weight and bias of the norm of each head, as f32.
struct HeadNorm {
  const float *weight = nullptr, *bias = nullptr;  // [groups, headDim]
  int64_t heads_of_group = 1;
};

template <class W>
HeadNorm head_norm(const MaybeIn& weight, const MaybeIn& bias, int64_t heads, Workers& workers) {
  if (!weight.present()) return {};
  const int64_t groups = weight.shape.rank() == 2 ? weight.shape[0] : 1, count = weight.count();
  float *w = workers.scratch_of<float>(count), *b = workers.scratch_of<float>(count);
  for (int64_t c = 0; c < count; ++c) w[c] = to_float(weight.as<W>()[c]);
  for (int64_t c = 0; c < count; ++c) b[c] = to_float(bias.as<W>()[c]);
  return {w, b, heads / groups};
}

// y = x, normed when the head has a norm.
template <class T>
void norm_head(const T* x, const HeadNorm& norm, int64_t head, int64_t dim, float eps, float* y) {
  for (int64_t c = 0; c < dim; ++c) y[c] = to_float(x[c]);
  if (!norm.weight) return;
  const int64_t at = head / norm.heads_of_group * dim;
  const float *weight = norm.weight + at, *bias = norm.bias + at;
  const auto [mean, r] = moments(y, dim, eps);
  for (int64_t c = 0; c < dim; ++c) y[c] = (y[c] - mean) * r * weight[c] + bias[c];
}

// A piece is a run of tokens. T is what is computed on, P what the cache stores, W the weights.
template <class T, class P, class W>
void qk_norm_rope_cache(const QkNormRopeCache& op, Workers& workers) {
  const int64_t tokens = op.q.shape[1], heads = op.q.shape[2], kv_heads = op.k.shape[2];
  const int64_t dim = op.q.shape[3], pairs = dim / 2, rows = op.q.shape[0] * tokens;
  const PageTable table(op.name, "cachePositions", op.table, op.k_pages);
  const HeadNorm q_norm = head_norm<W>(op.q_weight, op.q_bias, heads, workers);
  const HeadNorm k_norm = head_norm<W>(op.k_weight, op.k_bias, kv_heads, workers);
  float* frequencies = workers.scratch_of<float>(pairs);
  rotary_frequencies(op.theta, pairs, frequencies);

  workers.for_each(rows, workers.grain(rows), [&](int64_t begin, int64_t end) {
    float* cosines = workers.thread_scratch_of<float>(2 * dim);
    float *sines = cosines + pairs, *normed = cosines + dim;
    for (int64_t t = begin; t < end; ++t) {
      const int32_t position = op.positions.as<int32_t>()[t];
      rotary_angles<T>(position, frequencies, pairs, false, cosines, sines);
      for (int64_t h = 0; h < heads; ++h) {
        const int64_t at = (t * heads + h) * dim;
        norm_head(op.q.as<T>() + at, q_norm, h, dim, op.eps, normed);
        rotate_head(normed, op.y.as<T>() + at, pairs, cosines, sines);
      }
      const int64_t cached = op.cache_positions.as<int32_t>()[t];
      if (cached < 0) continue;
      const int64_t row = table.row(t / tokens, cached);
      for (int64_t h = 0; h < kv_heads; ++h) {
        const int64_t from = (t * kv_heads + h) * dim, to = row + h * table.head_stride();
        norm_head(op.k.as<T>() + from, k_norm, h, dim, op.eps, normed);
        rotate_head(normed, op.k_pages.as<P>() + to, pairs, cosines, sines);
        const T* v = op.v.as<T>() + from;
        P* v_row = op.v_pages.as<P>() + to;
        for (int64_t c = 0; c < dim; ++c) v_row[c] = P(to_float(v[c]));
      }
    }
  });
}

}  // namespace

void run(const QkNormRopeCache& op, Workers& workers) {
  const Dtype weights = op.q_weight.present() ? op.q_weight.dtype : Dtype::f32;
  with_float(op.q.dtype, [&](auto x) {
    with_float(op.k_pages.dtype, [&](auto page) {
      with_float(weights, [&](auto weight) {
        qk_norm_rope_cache<decltype(x), decltype(page), decltype(weight)>(op, workers);
      });
    });
  });
}

}  // namespace stylear::cpu
