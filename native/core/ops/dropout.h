// y[i] = x[i] / (1 - p) where U_i >= p, else 0, with U in (0, 1) drawn by Philox keyed by (seed,
// i). The gradient is the same op with the same seed. Srivastava et al. 2014.
#pragma once

#include "../check.h"

namespace stylear {

struct Dropout {
  In x;     // any shape  f32 | bf16
  In seed;  // [2]  i32: low and high half of a 64-bit seed
  Out y;    // like x; may be x
  float p;  // in [0, 1)

  static constexpr const char* name = "dropout";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("seed", seed), v("y", y), v("p", p);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape("seed", seed, {2});
    check.dtype("seed", seed, {Dtype::i32});
    check.like("y", y, x);
    check.same_or_apart("y", y, "x", x);
    check.that(p >= 0 && p < 1, "p", "in [0, 1)", p);
  }
};

}  // namespace stylear
