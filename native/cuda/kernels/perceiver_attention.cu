// The perceiver's attention of core/ops/perceiver_attention.h, on the kernels of attention_*.cu:
// the features and the latents are the two segments of one list of keys, and each row of a segment
// holds k and v of all heads side by side. Images are the sequences; there is no mask.
#include "../run.h"
#include "attention.cuh"

namespace stylear::cuda {
namespace {

template <class T, class Op>
AttentionShape shape_of(const Op& op) {
  AttentionShape p{};
  const Shape& q = op.q.shape;
  p.sequences = static_cast<int>(q[0]);
  p.queries = static_cast<int>(q[1]);
  p.heads = static_cast<int>(q[2]);
  p.kv_heads = p.heads;
  p.dim = static_cast<int>(q[3]);
  p.keys = static_cast<int>(op.kv_features.shape[1]) + p.queries;
  p.scale = op.scale;
  p.wide = rows_are_wide<T>(p.dim, op.q.data, op.kv_features.data, op.kv_latents.data, op.y.data);
  return p;
}

// `which` is 0 for k and 1 for v.
template <class T>
Heads<T> joined_heads(T* features, T* latents, const Shape& of_features, const Shape& of_latents,
                      int which) {
  const int64_t width = of_features.count(3), row = 2 * width;
  return {features + which * width,
          latents + which * width,
          of_features[1] * row,
          of_latents[1] * row,
          row,
          static_cast<int>(of_features[1])};
}

template <class T>
Heads<T> heads_of(T* data, const Shape& shape) {
  return dense_heads(data, shape[1], shape[2], shape[3]);
}

template <class T>
void forward(const PerceiverAttention& op, Stream& stream) {
  AttentionForward<T> p{shape_of<T>(op)};
  const Shape &features = op.kv_features.shape, &latents = op.kv_latents.shape;
  p.q = heads_of(op.q.as<T>(), op.q.shape);
  p.k = joined_heads(op.kv_features.as<T>(), op.kv_latents.as<T>(), features, latents, 0);
  p.v = joined_heads(op.kv_features.as<T>(), op.kv_latents.as<T>(), features, latents, 1);
  p.y = heads_of(op.y.as<T>(), op.y.shape);
  p.lse = op.lse.as<float>();
  attend(p, stream);
}

template <class T>
void backward(const PerceiverAttentionBackward& op, Stream& stream) {
  AttentionGradient<T> p{shape_of<T>(op)};
  const Shape &features = op.kv_features.shape, &latents = op.kv_latents.shape;
  p.wide = p.wide && rows_are_wide<T>(p.dim, op.dy.data, op.dq.data, op.dkv_features.data,
                                      op.dkv_latents.data);
  p.q = heads_of(op.q.as<T>(), op.q.shape);
  p.k = joined_heads(op.kv_features.as<T>(), op.kv_latents.as<T>(), features, latents, 0);
  p.v = joined_heads(op.kv_features.as<T>(), op.kv_latents.as<T>(), features, latents, 1);
  p.y = heads_of(op.y.as<T>(), op.y.shape);
  p.dy = heads_of(op.dy.as<T>(), op.dy.shape);
  p.lse = op.lse.as<float>();
  p.delta = stream.scratch<float>(op.lse.count());
  p.dq = heads_of(op.dq.as<T>(), op.dq.shape);
  p.dk = joined_heads(op.dkv_features.as<T>(), op.dkv_latents.as<T>(), features, latents, 0);
  p.dv = joined_heads(op.dkv_features.as<T>(), op.dkv_latents.as<T>(), features, latents, 1);
  attend_backward(p, stream);
}

}  // namespace

void run(const PerceiverAttention& op, Stream& stream) {
  op.q.dtype == Dtype::f32 ? forward<float>(op, stream) : forward<bf16>(op, stream);
}

void run(const PerceiverAttentionBackward& op, Stream& stream) {
  op.q.dtype == Dtype::f32 ? backward<float>(op, stream) : backward<bf16>(op, stream);
}

}  // namespace stylear::cuda
