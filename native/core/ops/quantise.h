// 8-bit rows: q[r, i] = round(x[r, i] / scale[r]) to nearest even, scale[r] = max_i |x[r, i]| / 127
// (1 where that is 0), a NaN counts as 0; and back again, y[r, i] = q[r, i] * scale[r].
#pragma once

#include "../check.h"

namespace stylear {

struct Quantise {
  In x;       // [rows, width]  f32 | bf16
  Out q;      // [rows, width]  i8 in [-127, 127]
  Out scale;  // [rows]  f32

  static constexpr const char* name = "quantise";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("q", q), v("scale", scale);
  }
  void check() const {
    const Check check(name);
    check.rank("x", x, 2, "[rows, width]");
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape("q", q, x.shape);
    check.dtype("q", q, {Dtype::i8});
    check.shape("scale", scale, {x.shape[0]});
    check.dtype("scale", scale, {Dtype::f32});
  }
};

struct Dequantise {
  In q;      // [rows, width]  i8
  In scale;  // [rows]  f32
  Out y;     // [rows, width]  f32 | bf16

  static constexpr const char* name = "dequantise";
  template <class V>
  void fields(V&& v) {
    v("q", q), v("scale", scale), v("y", y);
  }
  void check() const {
    const Check check(name);
    check.rank("q", q, 2, "[rows, width]");
    check.dtype("q", q, {Dtype::i8});
    check.shape("scale", scale, {q.shape[0]});
    check.dtype("scale", scale, {Dtype::f32});
    check.shape("y", y, q.shape);
    check.dtype("y", y, {Dtype::f32, Dtype::bf16});
  }
};

}  // namespace stylear
