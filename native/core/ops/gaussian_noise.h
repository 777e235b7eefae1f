// y[i] = x[i] + strength * N(0, 1), the normal drawn by Philox (core/philox.h) keyed by (seed, i),
// i the index from the start of x: the same on every device up to the rounding of log, sine,
// cosine.
#pragma once

#include "../check.h"

namespace stylear {

struct GaussianNoise {
  In x;     // any shape  f32 | bf16
  In seed;  // [2]  i32: low and high half of a 64-bit seed
  Out y;    // like x; may be x
  float strength;

  static constexpr const char* name = "gaussian_noise";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("seed", seed), v("y", y), v("strength", strength);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape("seed", seed, {2});
    check.dtype("seed", seed, {Dtype::i32});
    check.like("y", y, x);
    check.same_or_apart("y", y, "x", x);
    check.finite("strength", strength);
  }
};

}  // namespace stylear
