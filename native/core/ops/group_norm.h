// y = f((x - mean) / sqrt(var + eps) * weight + bias), mean and biased variance over the pixels of
// one image and the channels of one group. Wu & He 2018. f is silu ("swish") or nothing.
#pragma once

#include "../check.h"

namespace stylear {

struct GroupNorm {
  In x;            // [images, height, width, channels]  f32 | bf16
  In weight;       // [channels]  dtype of x, or f32
  In bias;         // like weight
  Out y;           // like x; may be x
  Out statistics;  // [images, groups, 2]  f32: mean and 1 / sqrt(var + eps)
  int64_t groups;  // divides channels
  bool silu;
  float eps;  // > 0

  static constexpr const char* name = "group_norm";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("weight", weight), v("bias", bias), v("y", y), v("statistics", statistics);
    v("groups", groups), v("silu", silu), v("eps", eps);
  }
  void check() const {
    const Check check(name);
    check.rank("x", x, 4, "[images, height, width, channels]");
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape("weight", weight, {x.shape[-1]});
    check.dtype("weight", weight, {x.dtype, Dtype::f32});
    check.like("bias", bias, weight);
    check.like("y", y, x);
    check.same_or_apart("y", y, "x", x);
    check.that(
        groups >= 1 && x.shape[-1] % groups == 0, "groups",
        [&] { return "a divisor of the " + std::to_string(x.shape[-1]) + " channels"; }, groups);
    check.shape("statistics", statistics, {x.shape[0], groups, 2});
    check.dtype("statistics", statistics, {Dtype::f32});
    check.that(eps > 0, "eps", "positive", eps);
  }
};

struct GroupNormBackward {
  In x;              // [images, height, width, channels]  f32 | bf16
  In weight;         // [channels]  dtype of x, or f32
  In bias;           // like weight
  In statistics;     // [images, groups, 2]  f32, of the forward op
  In dy;             // like x
  Out dx;            // like x; may be dy
  MaybeOut dweight;  // like weight
  MaybeOut dbias;    // like weight; given exactly when dweight is
  bool silu;

  static constexpr const char* name = "group_norm_backward";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("weight", weight), v("bias", bias), v("statistics", statistics), v("dy", dy);
    v("dx", dx), v("dweight", dweight), v("dbias", dbias), v("silu", silu);
  }
  void check() const {
    const Check check(name);
    check.rank("x", x, 4, "[images, height, width, channels]");
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape("weight", weight, {x.shape[-1]});
    check.dtype("weight", weight, {x.dtype, Dtype::f32});
    check.like("bias", bias, weight);
    check.rank("statistics", statistics, 3, "[images, groups, 2]");
    check.shape("statistics", statistics, {x.shape[0], statistics.shape[1], 2});
    check.dtype("statistics", statistics, {Dtype::f32});
    check.shape_that(x.shape[-1] % statistics.shape[1] == 0, "statistics",
                     "[images, groups, 2] with groups dividing the channels of x", statistics);
    check.like("dy", dy, x);
    check.like("dx", dx, x);
    check.apart("dx", dx, "x", x);
    check.same_or_apart("dx", dx, "dy", dy);
    check.together("dweight", dweight, "dbias", dbias);
    if (dweight.present()) {
      check.like("dweight", dweight, weight);
      check.like("dbias", dbias, weight);
    }
  }
};

}  // namespace stylear
