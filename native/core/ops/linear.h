// y = f(x W^T * scale + side side_weight + bias) + residual, W stored [out, in].
// `side` [rows, rank] is the input already projected down by a low-rank adapter (x A), side_weight
// [rank, out] projects it up (B): the LoRA side path of Hu et al. 2021, eq. 3, without a scale.
// Each element of y is summed over `in` in f32 in an order that depends on `in` alone for up to
// 64 rows, so that a row's bits do not depend on the rows computed beside it.
#pragma once

#include "../check.h"
#include "../pointwise.h"

namespace stylear {

struct Linear {
  In x;                 // [..., in]  f32 | bf16
  In weight;            // [out, in]  f32 | bf16 | i8
  MaybeIn scale;        // [out]  f32; given exactly when weight is i8
  MaybeIn bias;         // [out]  dtype of x, or f32
  MaybeIn side;         // [..., rank]  f32
  MaybeIn side_weight;  // [rank, out]  f32 | bf16, rank at most 64
  MaybeIn residual;     // like y
  Out y;                // [..., out]  dtype of x, or f32; may be residual, not x
  Pointwise function;   // f, applied in f32 before the residual is added

  static constexpr const char* name = "linear";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("weight", weight), v("scale", scale), v("bias", bias), v("side", side);
    v("sideWeight", side_weight), v("residual", residual), v("y", y), v("function", function);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32, Dtype::bf16});
    check.rank("weight", weight, 2, "[out, in]");
    const int64_t outs = weight.shape[0];
    check.shape("weight", weight, {outs, x.shape[-1]});
    check.dtype("weight", weight, {Dtype::f32, Dtype::bf16, Dtype::i8});
    if ((weight.dtype == Dtype::i8) != scale.present())
      check.fail("ERR_VALUE", "scale", "given exactly when weight is i8",
                 scale.present() ? "one" : "none");
    if (scale.present()) {
      check.shape("scale", scale, {outs});
      check.dtype("scale", scale, {Dtype::f32});
    }
    if (bias.present()) {
      check.shape("bias", bias, {outs});
      check.dtype("bias", bias, {x.dtype, Dtype::f32});
    }
    check.together("side", side, "sideWeight", side_weight);
    if (side.present()) {
      check.shape("side", side, x.shape.with_last(side.shape[-1]));
      check.dtype("side", side, {Dtype::f32});
      check.shape("sideWeight", side_weight, {side.shape[-1], outs});
      check.dtype("sideWeight", side_weight, {Dtype::f32, Dtype::bf16});
      check.that(side.shape[-1] <= 64, "side", "of rank 64 at most", side.shape[-1]);
    }
    check.shape("y", y, x.shape.with_last(outs));
    check.dtype("y", y, {x.dtype, Dtype::f32});
    check.apart("y", y, "x", x);
    check.apart("y", y, "weight", weight);
    if (residual.present()) {
      check.like("residual", residual, y);
      check.same_or_apart("y", y, "residual", residual);
    }
  }
};

}  // namespace stylear
