#include "../../core/ops/attention.h"

#include "../attention_mask.h"
#include "../dispatch.h"
#include "../run.h"
#include "../softmax_tile.h"

namespace stylear::cpu {

namespace {

// A piece is a tile of queries of one head; those of a head follow each other and find its keys in
// the cache. Keys that no row of the tile sees are not read.
template <class T>
void attention(const Attention& op, Workers& workers) {
  const int64_t queries = op.q.shape[1], heads = op.q.shape[2], dim = op.q.shape[3];
  const int64_t keys = op.k.shape[1], kv_heads = op.k.shape[2];
  constexpr int64_t tile = SoftmaxTile::most_queries;
  const int64_t tiles = (queries + tile - 1) / tile;
  workers.for_each(op.q.shape[0] * heads * tiles, 1, [&](int64_t piece, int64_t) {
    const int64_t s = piece / tiles / heads, h = piece / tiles % heads;
    const int64_t first = piece % tiles * tile, count = std::min(tile, queries - first);
    const AttentionMask mask(op, s);
    const int64_t at = ((s * queries + first) * heads + h) * dim;
    const int64_t kv = (s * keys * kv_heads + h / (heads / kv_heads)) * dim;
    const int64_t stride = heads * dim, kv_stride = kv_heads * dim;
    SoftmaxTile softmax(dim, workers);
    softmax.begin(HeadRows<T>{op.q.as<T>() + at, stride}, count, op.scale);
    softmax.add(HeadRows<T>{op.k.as<T>() + kv, kv_stride},
                HeadRows<T>{op.v.as<T>() + kv, kv_stride}, mask.seen(first + count - 1),
                [&](int64_t i) { return mask.seen(first + i); });
    softmax.finish(
        op.y.as<T>() + at, stride,
        op.lse.present() ? op.lse.as<float>() + (s * heads + h) * queries + first : nullptr);
  });
}

}  // namespace

void run(const Attention& op, Workers& workers) {
  with_float(op.q.dtype, [&](auto zero) { attention<decltype(zero)>(op, workers); });
}

}  // namespace stylear::cpu
