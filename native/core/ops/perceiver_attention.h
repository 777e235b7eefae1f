// The perceiver resampler's cross-attention (Alayrac et al. 2022, Flamingo, fig. 5): latents attend
// to [image features ; latents], given as two key-value segments that are never joined in memory.
// y = softmax(scale * q k^T) v over the features + queries keys, features first; no mask. Each
// segment holds k and v side by side, as one projection leaves them.
#pragma once

#include "../check.h"

namespace stylear {

struct PerceiverAttention {
  In q;            // [images, queries, heads, headDim]  f32 | bf16, headDim 256 at most
  In kv_features;  // [images, features, 2, heads, headDim]  dtype of q
  In kv_latents;   // [images, queries, 2, heads, headDim]  dtype of q
  Out y;           // like q
  MaybeOut lse;    // [images, heads, queries]  f32
  float scale;     // 1 / sqrt(headDim)

  static constexpr const char* name = "perceiver_attention";
  template <class V>
  void fields(V&& v) {
    v("q", q), v("kvFeatures", kv_features), v("kvLatents", kv_latents), v("y", y);
    v("lse", lse), v("scale", scale);
  }
  void check() const {
    const Check check(name);
    check_inputs(check, *this);
    check.like("y", y, q);
    check.apart("y", y, "q", q);
    if (!lse.present()) return;
    check.shape("lse", lse, {q.shape[0], q.shape[2], q.shape[1]});
    check.dtype("lse", lse, {Dtype::f32});
  }

  template <class Op>
  static void check_inputs(const Check& check, const Op& op) {
    check.rank("q", op.q, 4, "[images, queries, heads, headDim]");
    check.dtype("q", op.q, {Dtype::f32, Dtype::bf16});
    const Shape& q = op.q.shape;
    check.shape_that(q[3] <= 256, "q", "of headDim 256 at most", op.q);
    check.rank("kvFeatures", op.kv_features, 5, "[images, features, 2, heads, headDim]");
    check.shape("kvFeatures", op.kv_features, {q[0], op.kv_features.shape[1], 2, q[2], q[3]});
    check.dtype("kvFeatures", op.kv_features, op.q.dtype);
    check.shape("kvLatents", op.kv_latents, {q[0], q[1], 2, q[2], q[3]});
    check.dtype("kvLatents", op.kv_latents, op.q.dtype);
    check.finite("scale", op.scale);
  }
};

struct PerceiverAttentionBackward {
  In q, kv_features, kv_latents;  // as in PerceiverAttention
  In y;                           // like q, of the forward op
  In lse;                         // [images, heads, queries]  f32, of the forward op
  In dy;                          // like q
  Out dq;                         // like q
  Out dkv_features;               // like kv_features
  Out dkv_latents;                // like kv_latents
  float scale;

  static constexpr const char* name = "perceiver_attention_backward";
  template <class V>
  void fields(V&& v) {
    v("q", q), v("kvFeatures", kv_features), v("kvLatents", kv_latents), v("y", y);
    v("lse", lse), v("dy", dy), v("dq", dq), v("dkvFeatures", dkv_features);
    v("dkvLatents", dkv_latents), v("scale", scale);
  }
  void check() const {
    const Check check(name);
    PerceiverAttention::check_inputs(check, *this);
    check.like("y", y, q);
    check.shape("lse", lse, {q.shape[0], q.shape[2], q.shape[1]});
    check.dtype("lse", lse, {Dtype::f32});
    check.like("dy", dy, q);
    check.like("dq", dq, q);
    check.like("dkvFeatures", dkv_features, kv_features);
    check.like("dkvLatents", dkv_latents, kv_latents);
    check.apart("dq", dq, "dy", dy);
    check.apart("dq", dq, "q", q);
  }
};

}  // namespace stylear
