// y[n, i, j, c] = x[n, i / 2, j / 2, c]: each pixel twice along both axes (nearest neighbour).
#pragma once

#include "../check.h"

namespace stylear {

struct Upsample {
  In x;   // [images, height, width, channels]  f32 | bf16
  Out y;  // [images, 2 height, 2 width, channels]  dtype of x

  static constexpr const char* name = "upsample";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y);
  }
  void check() const {
    const Check check(name);
    check.rank("x", x, 4, "[images, height, width, channels]");
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.shape("y", y, {x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]});
    check.dtype("y", y, {x.dtype});
    check.apart("y", y, "x", x);
  }
};

// dx is the sum of the four dy that came from it.
struct UpsampleBackward {
  In dy;   // [images, 2 height, 2 width, channels]  f32 | bf16
  Out dx;  // [images, height, width, channels]  dtype of dy

  static constexpr const char* name = "upsample_backward";
  template <class V>
  void fields(V&& v) {
    v("dy", dy), v("dx", dx);
  }
  void check() const {
    const Check check(name);
    check.rank("dx", dx, 4, "[images, height, width, channels]");
    check.dtype("dx", dx, {Dtype::f32, Dtype::bf16});
    check.shape("dy", dy, {dx.shape[0], 2 * dx.shape[1], 2 * dx.shape[2], dx.shape[3]});
    check.dtype("dy", dy, {dx.dtype});
    check.apart("dx", dx, "dy", dy);
  }
};

}  // namespace stylear
