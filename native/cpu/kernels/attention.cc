#include "../../core/ops/attention.h"

#include "../attention_mask.h"
#include "../dispatch.h"
#include "../gradient_tile.h"
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
  constexpr int64_t tile = SoftmaxTile<T>::most_queries;
  const int64_t tiles = (queries + tile - 1) / tile;
  workers.for_each(op.q.shape[0] * heads * tiles, 1, [&](int64_t piece, int64_t) {
    const int64_t s = piece / tiles / heads, h = piece / tiles % heads;
    const int64_t first = piece % tiles * tile, count = std::min(tile, queries - first);
    const AttentionMask mask(op, s);
    const int64_t at = ((s * queries + first) * heads + h) * dim;
    const int64_t kv = (s * keys * kv_heads + h / (heads / kv_heads)) * dim;
    const int64_t stride = heads * dim, kv_stride = kv_heads * dim;
    SoftmaxTile<T> softmax(dim, workers);
    softmax.begin(HeadRows<T>{op.q.as<T>() + at, stride}, count, op.scale);
    softmax.add(HeadRows<T>{op.k.as<T>() + kv, kv_stride},
                HeadRows<T>{op.v.as<T>() + kv, kv_stride}, mask.seen(first + count - 1),
                [&](int64_t i) { return mask.seen(first + i); });
    softmax.finish(
        op.y.as<T>() + at, stride,
        op.lse.present() ? op.lse.as<float>() + (s * heads + h) * queries + first : nullptr);
  });
}

// The sums of dk and dv over the query rows of one piece of a key-value head.
struct KeySums {
  float *dk, *dv;
};

// The query tiles of a key-value head, of all heads of its group, are split into pieces. Each piece
// adds up its own dk and dv; where there are several they are added in order. How many there are
// depends on the shape alone.
template <class T>
void attention_backward(const AttentionBackward& op, Workers& workers) {
  const int64_t sequences = op.q.shape[0], queries = op.q.shape[1], heads = op.q.shape[2];
  const int64_t keys = op.k.shape[1], kv_heads = op.k.shape[2], dim = op.q.shape[3];
  const int64_t group = heads / kv_heads, stride = heads * dim, kv_stride = kv_heads * dim;
  constexpr int64_t tile = GradientTile<T>::most_queries, enough_pieces = 16;
  const int64_t tiles = (queries + tile - 1) / tile, units = sequences * kv_heads;
  const int64_t pieces = std::clamp<int64_t>((enough_pieces + units - 1) / units, 1, group * tiles);
  const int64_t sum_stride = GradientTile<T>::stride(dim);
  const int64_t sum_size = GradientTile<T>::key_rows(keys) * sum_stride;
  float* shared = pieces > 1 ? workers.scratch_of<float>(units * pieces * 2 * sum_size) : nullptr;

  const auto kv_at = [&](int64_t unit) {
    return (unit / kv_heads * keys * kv_heads + unit % kv_heads) * dim;
  };
  const auto sums_of = [&](int64_t unit, int64_t piece, float* memory) {
    float* dk = memory + (unit * pieces + piece) * 2 * sum_size;
    return KeySums{dk, dk + sum_size};
  };
  const auto write = [&](int64_t unit, const KeySums& sums, int64_t first, int64_t count) {
    const int64_t from = first * sum_stride, to = kv_at(unit) + first * kv_stride;
    store_rows(sums.dk + from, sum_stride, count, dim, op.scale, op.dk.as<T>() + to, kv_stride);
    store_rows(sums.dv + from, sum_stride, count, dim, 1.0f, op.dv.as<T>() + to, kv_stride);
  };

  workers.for_each(units * pieces, 1, [&](int64_t index, int64_t) {
    const int64_t unit = index / pieces, piece = index % pieces;
    const int64_t s = unit / kv_heads, head = unit % kv_heads;
    const AttentionMask mask(op, s);
    const KeySums sums = shared ? sums_of(unit, piece, shared)
                                : sums_of(0, 0, workers.thread_scratch_of<float>(2 * sum_size));
    std::fill_n(sums.dk, 2 * sum_size, 0.0f);
    const HeadRows<T> k{op.k.as<T>() + kv_at(unit), kv_stride};
    const HeadRows<T> v{op.v.as<T>() + kv_at(unit), kv_stride};
    GradientTile<T> gradient(dim, workers);
    for (int64_t t = group * tiles * piece / pieces; t < group * tiles * (piece + 1) / pieces;
         ++t) {
      const int64_t h = head * group + t / tiles;
      const int64_t first = t % tiles * tile, count = std::min(tile, queries - first);
      const int64_t at = ((s * queries + first) * heads + h) * dim;
      gradient.begin(HeadRows<T>{op.q.as<T>() + at, stride}, {op.y.as<T>() + at, stride},
                     {op.dy.as<T>() + at, stride},
                     op.lse.as<float>() + (s * heads + h) * queries + first, count, op.scale);
      gradient.add(
          k, v, mask.seen(first + count - 1), [&](int64_t i) { return mask.seen(first + i); },
          sums.dk, sums.dv);
      gradient.finish(op.dq.as<T>() + at, stride);
    }
    if (!shared) write(unit, sums, 0, keys);
  });
  if (!shared) return;

  constexpr int64_t rows = 32;
  const int64_t stretches = (keys + rows - 1) / rows;
  workers.for_each(units * stretches, 1, [&](int64_t index, int64_t) {
    const int64_t unit = index / stretches, first = index % stretches * rows;
    const int64_t count = std::min(rows, keys - first);
    const KeySums total = sums_of(unit, 0, shared);
    for (int64_t piece = 1; piece < pieces; ++piece) {
      const KeySums more = sums_of(unit, piece, shared);
      for (int64_t i = first * sum_stride; i < (first + count) * sum_stride; ++i) {
        total.dk[i] += more.dk[i];
        total.dv[i] += more.dv[i];
      }
    }
    write(unit, total, first, count);
  });
}

}  // namespace

void run(const Attention& op, Workers& workers) {
  with_float(op.q.dtype, [&](auto zero) { attention<decltype(zero)>(op, workers); });
}

void run(const AttentionBackward& op, Workers& workers) {
  with_float(op.q.dtype, [&](auto zero) { attention_backward<decltype(zero)>(op, workers); });
}

}  // namespace stylear::cpu
