// The two steps of clipping gradients by their global norm (Pascanu et al. 2013):
// total (+)= sum x^2, once per gradient, and factor = min(1, max_norm / (sqrt(total) + 1e-6)).
#pragma once

#include "../check.h"

namespace stylear {

struct SumSquares {
  In x;       // any shape  f32 | bf16
  Out total;  // [1]  f32
  bool accumulate;

  static constexpr const char* name = "sum_squares";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("total", total), v("accumulate", accumulate);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape("total", total, {1});
    check.dtype("total", total, {Dtype::f32});
    check.apart("total", total, "x", x);
  }
};

struct ClipFactor {
  In total;        // [1]  f32: sum of squares of all gradients
  Out factor;      // [1]  f32; NaN if total is
  float max_norm;  // > 0

  static constexpr const char* name = "clip_factor";
  template <class V>
  void fields(V&& v) {
    v("total", total), v("factor", factor), v("maxNorm", max_norm);
  }
  void check() const {
    const Check check(name);
    check.shape("total", total, {1});
    check.dtype("total", total, {Dtype::f32});
    check.shape("factor", factor, {1});
    check.dtype("factor", factor, {Dtype::f32});
    check.that(max_norm > 0, "maxNorm", "positive", max_norm);
  }
};

}  // namespace stylear
