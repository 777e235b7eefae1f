// y[:, y_begin : y_begin + length, :] = x[:, x_begin : x_begin + length, :], where both tensors are
// seen as [outer, extent, inner] around `axis`. The rest of y keeps its values. Slicing, placing
// and concatenating along any axis are made of this.
#pragma once

#include "../check.h"

namespace stylear {

struct CopySlice {
  In x;   // [outer..., extent, inner...]  any dtype
  Out y;  // same rank, dtype, and extents as x except along axis
  int axis;
  int64_t x_begin;
  int64_t y_begin;
  int64_t length;  // elements along axis

  static constexpr const char* name = "copy_slice";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y), v("axis", axis), v("xBegin", x_begin), v("yBegin", y_begin);
    v("length", length);
  }
  void check() const {
    const Check check(name);
    check.that(axis >= 0 && axis < x.shape.rank(), "axis", "an axis of x", axis);
    check.dtype("y", y, {x.dtype});
    Shape expected;
    for (int a = 0; a < x.shape.rank(); ++a) {
      const bool along = a == axis && a < y.shape.rank();
      expected.push(along ? y.shape[a] : x.shape[a]);
    }
    check.shape("y", y, expected);
    check.that(length >= 1, "length", "at least 1", length);
    check.that(
        x_begin >= 0 && x_begin + length <= x.shape[axis], "xBegin",
        [&] { return "such that the slice lies in x " + x.shape.text(); }, x_begin);
    check.that(
        y_begin >= 0 && y_begin + length <= y.shape[axis], "yBegin",
        [&] { return "such that the slice lies in y " + y.shape.text(); }, y_begin);
    check.apart("y", y, "x", x);
  }
};

}  // namespace stylear
