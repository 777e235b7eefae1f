// y = (x - mean) / sqrt(var + eps) * weight + bias over the last axis, biased variance, statistics
// in f32. Ba et al. 2016. A weight of [groups, dim] belongs to heads: x is then [..., heads, dim]
// and head h uses row h / (heads / groups), which is the per-head norm of Chameleon's queries and
// keys.
#pragma once

#include "../check.h"

namespace stylear {

inline void check_layer_norm_weight(const Check& check, const char* argument,
                                    const TensorView& weight, const TensorView& x) {
  if (weight.shape.rank() != 2) return check.shape(argument, weight, {x.shape[-1]});
  check.rank_at_least("x", x, 2, "[..., heads, dim]");
  const int64_t heads = x.shape[-2], groups = weight.shape[0];
  check.shape_that(
      heads % groups == 0 && weight.shape[1] == x.shape[-1], argument,
      [&] {
        return "[groups, " + std::to_string(x.shape[-1]) + "] with groups dividing the " +
               std::to_string(heads) + " heads";
      },
      weight);
}

struct LayerNorm {
  In x;       // [..., dim], or [..., heads, dim]  f32 | bf16
  In weight;  // [dim] or [groups, dim]  dtype of x, or f32
  In bias;    // like weight
  Out y;      // like x; may be x
  float eps;  // > 0

  static constexpr const char* name = "layer_norm";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("weight", weight), v("bias", bias), v("y", y), v("eps", eps);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check_layer_norm_weight(check, "weight", weight, x);
    check.dtype("weight", weight, {x.dtype, Dtype::f32});
    check.like("bias", bias, weight);
    check.like("y", y, x);
    check.same_or_apart("y", y, "x", x);
    check.that(eps > 0, "eps", "positive", eps);
  }
};

struct LayerNormBackward {
  In x;              // [..., dim], or [..., heads, dim]  f32 | bf16
  In weight;         // [dim] or [groups, dim]  dtype of x, or f32
  In dy;             // like x
  Out dx;            // like x; may be dy
  MaybeOut dweight;  // like weight
  MaybeOut dbias;    // like weight; given exactly when dweight is
  float eps;

  static constexpr const char* name = "layer_norm_backward";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("weight", weight), v("dy", dy), v("dx", dx), v("dweight", dweight);
    v("dbias", dbias), v("eps", eps);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check_layer_norm_weight(check, "weight", weight, x);
    check.dtype("weight", weight, {x.dtype, Dtype::f32});
    check.like("dy", dy, x);
    check.like("dx", dx, x);
    check.apart("dx", dx, "x", x);
    check.same_or_apart("dx", dx, "dy", dy);
    check.together("dweight", dweight, "dbias", dbias);
    if (dweight.present()) {
      check.like("dweight", dweight, weight);
      check.like("dbias", dbias, weight);
    }
    check.that(eps > 0, "eps", "positive", eps);
  }
};

}  // namespace stylear
