// y = x / max(|x|, eps) over the last axis, |x| the Euclidean norm, summed in f32.
#pragma once

#include "../check.h"

namespace stylear {

struct L2Normalise {
  In x;       // [..., dim]  f32 | bf16
  Out y;      // like x; may be x
  float eps;  // > 0

  static constexpr const char* name = "l2_normalise";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y), v("eps", eps);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.like("y", y, x);
    check.same_or_apart("y", y, "x", x);
    check.that(eps > 0, "eps", "positive", eps);
  }
};

// dx = (dy - y (y . dy)) / |x| with y = x / |x|; where |x| < eps, dx = dy / eps.
struct L2NormaliseBackward {
  In x;    // [..., dim]  f32 | bf16
  In dy;   // like x
  Out dx;  // like x; may be dy
  float eps;

  static constexpr const char* name = "l2_normalise_backward";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("dy", dy), v("dx", dx), v("eps", eps);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.like("dy", dy, x);
    check.like("dx", dx, x);
    check.same_or_apart("dx", dx, "dy", dy);
    check.apart("dx", dx, "x", x);
    check.that(eps > 0, "eps", "positive", eps);
  }
};

}  // namespace stylear
