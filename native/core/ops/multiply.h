// z = x * y element by element. Where y has fewer elements than x it is repeated along x's leading
// axes; y of one element scales by a number that lives on the device.
#pragma once

#include "../check.h"

namespace stylear {

struct Multiply {
  In x;   // any shape  f32 | bf16
  In y;   // dtype of x, or f32; its elements divide those of x
  Out z;  // like x; may be x, or y where it is like x

  static constexpr const char* name = "multiply";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y), v("z", z);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.dtype("y", y, {x.dtype, Dtype::f32});
    check.shape_that(
        x.count() % y.count() == 0, "y",
        [&] { return "of elements that divide those of x " + x.shape.text(); }, y);
    check.like("z", z, x);
    check.same_or_apart("z", z, "x", x);
    check.same_or_apart("z", z, "y", y);
  }
};

}  // namespace stylear
