// y = f(x) element by element, f one of the functions of core/pointwise.h.
#pragma once

#include "../check.h"
#include "../pointwise.h"

namespace stylear {

struct PointwiseMap {
  In x;   // any shape  f32 | bf16
  Out y;  // like x; may be x
  Pointwise function;

  static constexpr const char* name = "pointwise";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y), v("function", function);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.like("y", y, x);
    check.same_or_apart("y", y, "x", x);
  }
};

// dx = dy * f'(x).
struct PointwiseMapBackward {
  In x;    // any shape  f32 | bf16
  In dy;   // like x
  Out dx;  // like x; may be dy
  Pointwise function;

  static constexpr const char* name = "pointwise_backward";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("dy", dy), v("dx", dx), v("function", function);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.like("dy", dy, x);
    check.like("dx", dx, x);
    check.same_or_apart("dx", dx, "dy", dy);
    check.apart("dx", dx, "x", x);
  }
};

}  // namespace stylear
