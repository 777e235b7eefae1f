// Rotary position embedding in the half layout (Su et al. 2021, eq. 34): with d = headDim and angle
// a_i(p) = p * theta^(-2i/d), the pair (x_i, x_{i + d/2}) is rotated by a_i. Angles, sines and
// cosines in f32, the latter rounded to the dtype of x. `inverse` rotates back, which is the
// gradient.
#pragma once

#include "../check.h"

namespace stylear {

struct Rope {
  In x;          // [sequences, tokens, heads, headDim]  f32 | bf16, headDim even
  In positions;  // [sequences, tokens]  i32
  Out y;         // like x; may be x
  float theta;   // > 0
  bool inverse;

  static constexpr const char* name = "rope";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("positions", positions), v("y", y), v("theta", theta), v("inverse", inverse);
  }
  void check() const {
    const Check check(name);
    check.rank("x", x, 4, "[sequences, tokens, heads, headDim]");
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape_that(x.shape[-1] % 2 == 0, "x", "of even headDim", x);
    check.shape("positions", positions, {x.shape[0], x.shape[1]});
    check.dtype("positions", positions, {Dtype::i32});
    check.like("y", y, x);
    check.same_or_apart("y", y, "x", x);
    check.that(theta > 0, "theta", "positive", theta);
  }
};

}  // namespace stylear
