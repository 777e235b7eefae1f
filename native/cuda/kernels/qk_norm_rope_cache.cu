#include "../../core/ops/qk_norm_rope_cache.h"

#include "../dispatch.h"
#include "../rotation.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

constexpr int warps = 4;          // of a block
constexpr int pairs_of_lane = 4;  // headDim is 256 at most: 128 pairs (i, i + headDim / 2)

template <class T, class W, class C>
struct QkNormRopeCacheArguments {
  const T *q, *k, *v;
  const W *q_weight, *q_bias, *k_weight, *k_bias;
  const int32_t *positions, *cache_positions, *table;
  T* y;
  C *k_pages, *v_pages;
  int64_t tokens;  // of all sequences
  int tokens_each, heads, kv_heads, half, q_groups, k_groups;
  int max_pages, page_tokens;
  int64_t pages;
  float eps, theta;
  FaultSite bad_page, bad_position;
};

// Where token t's row of kv head `head` lies in the cache; null where it is not to be written.
template <class A, class C>
__device__ C* cache_row(const A& a, C* cache, int64_t token, int head) {
  const int position = a.cache_positions[token];
  if (position < 0) return nullptr;
  if (position >= a.max_pages * a.page_tokens) {
    a.bad_position.report(position);
    return nullptr;
  }
  const int64_t sequence = token / a.tokens_each;
  const int64_t page = a.table[sequence * a.max_pages + position / a.page_tokens];
  if (page < 0 || page >= a.pages) {
    a.bad_page.report(page);
    return nullptr;
  }
  return cache +
         ((page * a.kv_heads + head) * a.page_tokens + position % a.page_tokens) * 2 * a.half;
}

// The head's row normed and rotated, as pairs of a lane: pair p is (i, i + half) for
// i = lane + 32 p.
template <class T, class W>
__device__ __forceinline__ void norm_and_turn(const T* row, const W* weight, const W* bias,
                                              int position, int half, float eps, float theta,
                                              float (&lo)[pairs_of_lane],
                                              float (&hi)[pairs_of_lane]) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int p = 0; p < pairs_of_lane; ++p) {
    const int i = lane + 32 * p;
    lo[p] = i < half ? to_float(row[i]) : 0.0f;
    hi[p] = i < half ? to_float(row[i + half]) : 0.0f;
  }
  if (weight) {
    float sum = 0;
#pragma unroll
    for (int p = 0; p < pairs_of_lane; ++p) sum += lo[p] + hi[p];
    const float mean = warp_sum(sum) / (2 * half);
    float squares = 0;
#pragma unroll
    for (int p = 0; p < pairs_of_lane; ++p)
      if (lane + 32 * p < half)
        squares += (lo[p] - mean) * (lo[p] - mean) + (hi[p] - mean) * (hi[p] - mean);
    const float scale = 1.0f / sqrtf(warp_sum(squares) / (2 * half) + eps);
#pragma unroll
    for (int p = 0; p < pairs_of_lane; ++p) {
      const int i = lane + 32 * p;
      if (i >= half) continue;
      lo[p] = (lo[p] - mean) * scale * to_float(weight[i]) + to_float(bias[i]);
      hi[p] = (hi[p] - mean) * scale * to_float(weight[i + half]) + to_float(bias[i + half]);
    }
  }
#pragma unroll
  for (int p = 0; p < pairs_of_lane; ++p) {
    const int i = lane + 32 * p;
    if (i >= half) continue;
    const float2 turn = rotation<T>(position, i, half, theta);
    const float a = lo[p], b = hi[p];
    lo[p] = a * turn.x - b * turn.y;
    hi[p] = b * turn.x + a * turn.y;
  }
}

template <class To>
__device__ __forceinline__ void store_pairs(To* row, int half, const float (&lo)[pairs_of_lane],
                                            const float (&hi)[pairs_of_lane]) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int p = 0; p < pairs_of_lane; ++p) {
    const int i = lane + 32 * p;
    if (i >= half) continue;
    row[i] = from_float<To>(lo[p]);
    row[i + half] = from_float<To>(hi[p]);
  }
}

// A warp per token and head: first the query heads, then the key heads, then the value heads of a
// token. Everything is read and written once; in decoding the launch bounds it.
template <class T, class W, class C>
__global__ void __launch_bounds__(32 * warps)
    qk_norm_rope_cache_kernel(const QkNormRopeCacheArguments<T, W, C> a) {
  const int64_t id = int64_t{blockIdx.x} * warps + threadIdx.x / 32;
  const int each = a.heads + 2 * a.kv_heads, width = 2 * a.half;
  const int64_t token = id / each;
  if (token >= a.tokens) return;
  int head = static_cast<int>(id % each);
  float lo[pairs_of_lane], hi[pairs_of_lane];
  if (head < a.heads) {
    const int64_t at = (token * a.heads + head) * width;
    const int of = head / (a.heads / a.q_groups) * width;
    norm_and_turn(a.q + at, a.q_weight ? a.q_weight + of : nullptr, a.q_bias + of,
                  a.positions[token], a.half, a.eps, a.theta, lo, hi);
    store_pairs(a.y + at, a.half, lo, hi);
    return;
  }
  head -= a.heads;
  const bool key = head < a.kv_heads;
  if (!key) head -= a.kv_heads;
  const int64_t at = (token * a.kv_heads + head) * width;
  C* to = cache_row(a, key ? a.k_pages : a.v_pages, token, head);
  if (!to) return;  // the whole warp: it agrees on the token
  if (key) {
    const int of = head / (a.kv_heads / a.k_groups) * width;
    norm_and_turn(a.k + at, a.k_weight ? a.k_weight + of : nullptr, a.k_bias + of,
                  a.positions[token], a.half, a.eps, a.theta, lo, hi);
    store_pairs(to, a.half, lo, hi);
  } else {
    for (int c = threadIdx.x & 31; c < width; c += 32) to[c] = from_float<C>(to_float(a.v[at + c]));
  }
}

int groups_of(const TensorView& weight) {
  return weight.present() && weight.shape.rank() == 2 ? static_cast<int>(weight.shape[0]) : 1;
}

template <class T, class W, class C>
void qk_norm_rope_cache(const QkNormRopeCache& op, Stream& stream) {
  const Shape &q = op.q.shape, &cache = op.k_pages.shape;
  const int64_t positions = op.table.shape[1] * cache[2];
  QkNormRopeCacheArguments<T, W, C> a{};
  a.q = op.q.as<T>(), a.k = op.k.as<T>(), a.v = op.v.as<T>();
  a.q_weight = op.q_weight.as<W>(), a.q_bias = op.q_bias.as<W>();
  a.k_weight = op.k_weight.as<W>(), a.k_bias = op.k_bias.as<W>();
  a.positions = op.positions.as<int32_t>();
  a.cache_positions = op.cache_positions.as<int32_t>();
  a.table = op.table.as<int32_t>();
  a.y = op.y.as<T>(), a.k_pages = op.k_pages.as<C>(), a.v_pages = op.v_pages.as<C>();
  a.tokens = q[0] * q[1];
  a.tokens_each = static_cast<int>(q[1]);
  a.heads = static_cast<int>(q[2]), a.kv_heads = static_cast<int>(cache[1]);
  a.half = static_cast<int>(q[3]) / 2;
  a.q_groups = groups_of(op.q_weight), a.k_groups = groups_of(op.k_weight);
  a.max_pages = static_cast<int>(op.table.shape[1]);
  a.page_tokens = static_cast<int>(cache[2]), a.pages = cache[0];
  a.eps = op.eps, a.theta = op.theta;
  a.bad_page = stream.fault(QkNormRopeCache::name, "table", 0, cache[0]);
  a.bad_position = stream.fault(QkNormRopeCache::name, "cachePositions", 0, positions);
  const int64_t rows = a.tokens * (a.heads + 2 * a.kv_heads);
  launch(stream, qk_norm_rope_cache_kernel<T, W, C>,
         static_cast<unsigned>(ceil_div<int64_t>(rows, warps)), 32 * warps, 0, a);
}

}  // namespace

void run(const QkNormRopeCache& op, Stream& stream) {
  const Dtype weights = op.q_weight.present() ? op.q_weight.dtype : op.q.dtype;
  with_float(op.q.dtype, [&](auto type) {
    with_float(weights, [&](auto weight_type) {
      with_float(op.k_pages.dtype, [&](auto cache_type) {
        qk_norm_rope_cache<decltype(type), decltype(weight_type), decltype(cache_type)>(op, stream);
      });
    });
  });
}

}  // namespace stylear::cuda
