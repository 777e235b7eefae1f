// z = alpha * x + beta * y. Where y has fewer elements than x it is repeated along x's leading axes
// (a bias, a position table); without y, z = alpha * x.
#pragma once

#include "../check.h"

namespace stylear {

struct Add {
  In x;       // any shape  f32 | bf16
  MaybeIn y;  // dtype of x; its elements divide those of x
  Out z;      // like x; may be x, or y where y has as many elements
  float alpha;
  float beta;

  static constexpr const char* name = "add";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y), v("z", z), v("alpha", alpha), v("beta", beta);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.like("z", z, x);
    check.same_or_apart("z", z, "x", x);
    check.finite("alpha", alpha);
    if (!y.present()) return;
    check.dtype("y", y, {x.dtype});
    check.shape_that(
        x.count() % y.count() == 0, "y",
        [&] { return "of elements that divide those of x " + x.shape.text(); }, y);
    check.same_or_apart("z", z, "y", y);
    check.finite("beta", beta);
  }
};

}  // namespace stylear
