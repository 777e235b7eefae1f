// x += step, in place: positions, lengths and counters that a recorded step moves on by itself.
#pragma once

#include "../check.h"

namespace stylear {

struct Advance {
  Out x;    // any shape  i32, read and written
  In step;  // like x, or [1]  i32

  static constexpr const char* name = "advance";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("step", step);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::i32});
    check.dtype("step", step, {Dtype::i32});
    check.shape_that(
        step.shape == x.shape || step.count() == 1, "step",
        [&] { return x.shape.text() + " or [1]"; }, step);
    check.apart("step", step, "x", x);
  }
};

}  // namespace stylear
