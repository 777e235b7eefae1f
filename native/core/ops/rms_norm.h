// y = bf16?(h / sqrt(mean(h^2) + eps)) * weight over the last axis, with h = x + residual.
// Zhang & Sennrich 2019, eq. 4. Sums are taken in f32. The normalised value is rounded to the dtype
// of x before it is multiplied by the weight, as the Chameleon reference does.
#pragma once

#include "../check.h"

namespace stylear {

struct RmsNorm {
  In x;              // [..., dim]  f32 | bf16
  MaybeIn residual;  // like x
  In weight;         // [dim]  dtype of x, or f32
  Out y;             // like x; may be x
  MaybeOut h;        // like x: x + residual rounded to its dtype; may be x or residual, not y
  float eps;         // > 0

  static constexpr const char* name = "rms_norm";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("residual", residual), v("weight", weight), v("y", y), v("h", h), v("eps", eps);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    if (residual.present()) check.like("residual", residual, x);
    check.shape("weight", weight, {x.shape[-1]});
    check.dtype("weight", weight, {x.dtype, Dtype::f32});
    check.like("y", y, x);
    check.same_or_apart("y", y, "x", x);
    check.together("h", h, "residual", residual);
    if (h.present()) {
      check.like("h", h, x);
      check.apart("h", h, "y", y);
      check.same_or_apart("h", h, "x", x);
      check.same_or_apart("h", h, "residual", residual);
    }
    check.that(eps > 0, "eps", "positive", eps);
  }
};

// The gradient of RmsNorm at h, given dy; `dh` is the gradient that reached h itself.
struct RmsNormBackward {
  In h;              // [..., dim]  what was normalised (x, or x + residual)
  In weight;         // [dim]  dtype of h, or f32
  In dy;             // like h
  MaybeIn dh;        // like h
  Out dx;            // like h; the gradient of x and of residual; may be dy or dh
  MaybeOut dweight;  // like weight
  float eps;

  static constexpr const char* name = "rms_norm_backward";
  template <class V>
  void fields(V&& v) {
    v("h", h), v("weight", weight), v("dy", dy), v("dh", dh), v("dx", dx), v("dweight", dweight);
    v("eps", eps);
  }
  void check() const {
    const Check check(name);
    check.dtype("h", h, {Dtype::f32, Dtype::bf16});
    check.shape("weight", weight, {h.shape[-1]});
    check.dtype("weight", weight, {h.dtype, Dtype::f32});
    check.like("dy", dy, h);
    if (dh.present()) check.like("dh", dh, h);
    check.like("dx", dx, h);
    check.apart("dx", dx, "h", h);
    if (dweight.present()) check.like("dweight", dweight, weight);
    check.that(eps > 0, "eps", "positive", eps);
  }
};

}  // namespace stylear
