// y[r, :] = x[:] for every r: x laid down again and again until y is full. The gradient is
// sum_rows.
#pragma once

#include "../check.h"

namespace stylear {

struct Repeat {
  In x;   // any shape of n elements  f32 | bf16
  Out y;  // a multiple of n elements, dtype of x

  static constexpr const char* name = "repeat";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape_that(
        y.count() % x.count() == 0, "y",
        [&] { return "a multiple of the " + std::to_string(x.count()) + " elements of x"; }, y);
    check.dtype("y", y, {x.dtype});
    check.apart("y", y, "x", x);
  }
};

}  // namespace stylear
