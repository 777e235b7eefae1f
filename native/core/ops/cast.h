// y = x in another dtype. f32 to bf16 rounds to nearest even; i32 to f32 is exact below 2^24.
#pragma once

#include "../check.h"

namespace stylear {

struct Cast {
  In x;   // any shape  f32 | bf16 | i32
  Out y;  // shape of x  f32 | bf16

  static constexpr const char* name = "cast";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16, Dtype::i32});
    check.shape("y", y, x.shape);
    check.dtype("y", y, {Dtype::f32, Dtype::bf16});
    check.apart("y", y, "x", x);
  }
};

}  // namespace stylear
