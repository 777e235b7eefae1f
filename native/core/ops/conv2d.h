// y[n, i, j, o] = f(bias[o] + sum_{u, v, c} weight[o, u, v, c] * x[n, i s + u - top, j s + v -
// left, c])
// + residual, zero outside the picture. Extents: y height = (height + top + bottom - kernel) / s
// + 1. The VQGAN's downsampling pads right and bottom only: padding {0, 0, 1, 1}. Sums in f32.
#pragma once

#include "../check.h"
#include "../pointwise.h"

namespace stylear {

// The extent of a convolution's output along one axis.
constexpr int64_t conv_extent(int64_t in, int64_t kernel, int64_t stride, int64_t before,
                              int64_t after) {
  return (in + before + after - kernel) / stride + 1;
}

// Checks shapes that the forward and the two gradient ops share.
inline void check_conv2d(const Check& check, const char* x_name, const TensorView& x,
                         const char* weight_name, const TensorView& weight, const char* y_name,
                         const TensorView& y, int64_t stride, const Ints& padding) {
  check.rank(x_name, x, 4, "[images, height, width, in]");
  check.rank(weight_name, weight, 4, "[out, kernelHeight, kernelWidth, in]");
  check.dtype(x_name, x, {Dtype::f32, Dtype::bf16});
  check.shape(weight_name, weight, {weight.shape[0], weight.shape[1], weight.shape[2], x.shape[3]});
  check.that(stride >= 1, "stride", "at least 1", stride);
  check.that(padding.count == 4, "padding", "[top, left, bottom, right]", padding.count);
  for (int side = 0; side < 4; ++side)
    check.that(padding[side] >= 0 && padding[side] < weight.shape[1 + side % 2], "padding",
               "0 or more and less than the kernel", padding[side]);
  const int64_t height = x.shape[1] + padding[0] + padding[2] - weight.shape[1];
  const int64_t width = x.shape[2] + padding[1] + padding[3] - weight.shape[2];
  check.shape_that(height >= 0 && width >= 0, x_name, "at least as large as the kernel", x);
  check.shape(y_name, y, {x.shape[0], height / stride + 1, width / stride + 1, weight.shape[0]});
}

struct Conv2d {
  In x;              // [images, height, width, in]  f32 | bf16
  In weight;         // [out, kernelHeight, kernelWidth, in]  dtype of x, or f32
  MaybeIn bias;      // [out]  dtype of x, or f32
  MaybeIn residual;  // like y
  Out y;             // [images, yHeight, yWidth, out]  dtype of x; may be residual
  int64_t stride;
  Ints padding;  // top, left, bottom, right; each less than the kernel

  static constexpr const char* name = "conv2d";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("weight", weight), v("bias", bias), v("residual", residual), v("y", y);
    v("stride", stride), v("padding", padding);
  }
  void check() const {
    const Check check(name);
    check_conv2d(check, "x", x, "weight", weight, "y", y, stride, padding);
    check.dtype("weight", weight, {x.dtype, Dtype::f32});
    if (bias.present()) {
      check.shape("bias", bias, {weight.shape[0]});
      check.dtype("bias", bias, {x.dtype, Dtype::f32});
    }
    check.dtype("y", y, {x.dtype});
    check.apart("y", y, "x", x);
    if (residual.present()) {
      check.like("residual", residual, y);
      check.same_or_apart("y", y, "residual", residual);
    }
  }
};

// dx from dy.
struct Conv2dBackwardInput {
  In weight;  // [out, kernelHeight, kernelWidth, in]  dtype of dx, or f32
  In dy;      // [images, yHeight, yWidth, out]  dtype of dx
  Out dx;     // [images, height, width, in]  f32 | bf16
  int64_t stride;
  Ints padding;

  static constexpr const char* name = "conv2d_backward_input";
  template <class V>
  void fields(V&& v) {
    v("weight", weight), v("dy", dy), v("dx", dx), v("stride", stride), v("padding", padding);
  }
  void check() const {
    const Check check(name);
    check_conv2d(check, "dx", dx, "weight", weight, "dy", dy, stride, padding);
    check.dtype("weight", weight, {dx.dtype, Dtype::f32});
    check.dtype("dy", dy, {dx.dtype});
    check.apart("dx", dx, "dy", dy);
  }
};

// dweight from dy; the gradient of the bias is sum_rows of dy.
struct Conv2dBackwardWeight {
  In x;         // [images, height, width, in]  f32 | bf16
  In dy;        // [images, yHeight, yWidth, out]  dtype of x
  Out dweight;  // [out, kernelHeight, kernelWidth, in]  dtype of x, or f32
  int64_t stride;
  Ints padding;

  static constexpr const char* name = "conv2d_backward_weight";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("dy", dy), v("dweight", dweight), v("stride", stride), v("padding", padding);
  }
  void check() const {
    const Check check(name);
    check_conv2d(check, "x", x, "dweight", dweight, "dy", dy, stride, padding);
    check.dtype("dweight", dweight, {x.dtype, Dtype::f32});
    check.dtype("dy", dy, {x.dtype});
    check.apart("dweight", dweight, "x", x);
    check.apart("dweight", dweight, "dy", dy);
  }
};

}  // namespace stylear
