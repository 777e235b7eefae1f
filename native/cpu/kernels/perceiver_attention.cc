#include "../../core/ops/perceiver_attention.h"

#include "../dispatch.h"
#include "../run.h"
#include "../softmax_tile.h"

namespace stylear::cpu {

namespace {

// Keys and values of one head of one image in a segment [images, rows, 2, heads, headDim].
template <class T>
struct Segment {
  HeadRows<T> k, v;
  int64_t rows;
  Segment(const In& kv, int64_t image, int64_t head) : rows(kv.shape[1]) {
    const int64_t heads = kv.shape[3], dim = kv.shape[4], stride = 2 * heads * dim;
    const T* at = kv.as<T>() + image * rows * stride + head * dim;
    k = {at, stride};
    v = {at + heads * dim, stride};
  }
};

// A piece is a tile of queries of one head.
template <class T>
void perceiver_attention(const PerceiverAttention& op, Workers& workers) {
  const int64_t queries = op.q.shape[1], heads = op.q.shape[2], dim = op.q.shape[3];
  constexpr int64_t tile = SoftmaxTile::most_queries;
  const int64_t tiles = (queries + tile - 1) / tile;
  workers.for_each(op.q.shape[0] * heads * tiles, 1, [&](int64_t piece, int64_t) {
    const int64_t image = piece / tiles / heads, h = piece / tiles % heads;
    const int64_t first = piece % tiles * tile, count = std::min(tile, queries - first);
    const int64_t at = ((image * queries + first) * heads + h) * dim;
    SoftmaxTile softmax(dim, workers);
    softmax.begin(HeadRows<T>{op.q.as<T>() + at, heads * dim}, count, op.scale);
    for (const In& kv : {op.kv_features, op.kv_latents}) {
      const Segment<T> segment(kv, image, h);
      softmax.add(segment.k, segment.v, segment.rows, [&](int64_t) { return segment.rows; });
    }
    softmax.finish(
        op.y.as<T>() + at, heads * dim,
        op.lse.present() ? op.lse.as<float>() + (image * heads + h) * queries + first : nullptr);
  });
}

}  // namespace

void run(const PerceiverAttention& op, Workers& workers) {
  with_float(op.q.dtype, [&](auto zero) { perceiver_attention<decltype(zero)>(op, workers); });
}

}  // namespace stylear::cpu
