// y[i] = scale * sum_r x[r, i], x seen as rows of as many elements as y has. Summed in f32, in an
// order that depends on the shape alone. Bias gradients (y [width]) and totals (y [1]).
#pragma once

#include "../check.h"

namespace stylear {

struct SumRows {
  In x;   // a multiple of the elements of y  f32 | bf16
  Out y;  // any shape  f32, or dtype of x
  float scale;

  static constexpr const char* name = "sum_rows";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y), v("scale", scale);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape_that(
        x.count() % y.count() == 0, "x",
        [&] { return "a multiple of the " + std::to_string(y.count()) + " elements of y"; }, x);
    check.dtype("y", y, {x.dtype, Dtype::f32});
    check.apart("y", y, "x", x);
    check.finite("scale", scale);
  }
};

}  // namespace stylear
