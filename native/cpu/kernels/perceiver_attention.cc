#include "../../core/ops/perceiver_attention.h"

#include "../dispatch.h"
#include "../gradient_tile.h"
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
  constexpr int64_t tile = SoftmaxTile<T>::most_queries;
  const int64_t tiles = (queries + tile - 1) / tile;
  workers.for_each(op.q.shape[0] * heads * tiles, 1, [&](int64_t piece, int64_t) {
    const int64_t image = piece / tiles / heads, h = piece / tiles % heads;
    const int64_t first = piece % tiles * tile, count = std::min(tile, queries - first);
    const int64_t at = ((image * queries + first) * heads + h) * dim;
    SoftmaxTile<T> softmax(dim, workers);
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

// Where the gradient of a segment is summed, and where it goes.
template <class T>
struct SegmentGradient {
  Segment<T> segment;
  float *dk, *dv;
  T* to;  // the row of dk; that of dv lies heads * headDim behind it

  SegmentGradient(const In& kv, const Out& dkv, int64_t image, int64_t head, Workers& workers)
      : segment(kv, image, head) {
    const int64_t heads = kv.shape[3], dim = kv.shape[4];
    const int64_t size = GradientTile<T>::key_rows(segment.rows) * GradientTile<T>::stride(dim);
    dk = workers.thread_scratch_of<float>(2 * size);
    dv = dk + size;
    std::fill_n(dk, 2 * size, 0.0f);
    to = dkv.as<T>() + (image * segment.rows * 2 * heads + head) * dim;
  }
  void write(int64_t heads, int64_t dim, float scale) const {
    const int64_t from = GradientTile<T>::stride(dim), stride = 2 * heads * dim;
    store_rows(dk, from, segment.rows, dim, scale, to, stride);
    store_rows(dv, from, segment.rows, dim, 1.0f, to + heads * dim, stride);
  }
};

// A piece is one head of one image: all its queries, so that the sums of its keys are its own.
template <class T>
void perceiver_attention_backward(const PerceiverAttentionBackward& op, Workers& workers) {
  const int64_t queries = op.q.shape[1], heads = op.q.shape[2], dim = op.q.shape[3];
  const int64_t stride = heads * dim;
  workers.for_each(op.q.shape[0] * heads, 1, [&](int64_t piece, int64_t) {
    const int64_t image = piece / heads, h = piece % heads;
    const SegmentGradient<T> parts[2] = {{op.kv_features, op.dkv_features, image, h, workers},
                                         {op.kv_latents, op.dkv_latents, image, h, workers}};
    GradientTile<T> gradient(dim, workers);
    for (int64_t first = 0; first < queries; first += GradientTile<T>::most_queries) {
      const int64_t count = std::min(GradientTile<T>::most_queries, queries - first);
      const int64_t at = ((image * queries + first) * heads + h) * dim;
      gradient.begin(HeadRows<T>{op.q.as<T>() + at, stride}, {op.y.as<T>() + at, stride},
                     {op.dy.as<T>() + at, stride},
                     op.lse.as<float>() + (image * heads + h) * queries + first, count, op.scale);
      for (const SegmentGradient<T>& part : parts)
        gradient.add(
            part.segment.k, part.segment.v, part.segment.rows,
            [&](int64_t) { return part.segment.rows; }, part.dk, part.dv);
      gradient.finish(op.dq.as<T>() + at, stride);
    }
    for (const SegmentGradient<T>& part : parts) part.write(heads, dim, op.scale);
  });
}

}  // namespace

void run(const PerceiverAttention& op, Workers& workers) {
  with_float(op.q.dtype, [&](auto zero) { perceiver_attention<decltype(zero)>(op, workers); });
}

void run(const PerceiverAttentionBackward& op, Workers& workers) {
  with_float(op.q.dtype,
             [&](auto zero) { perceiver_attention_backward<decltype(zero)>(op, workers); });
}

}  // namespace stylear::cpu
