// Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2), in f32 whatever the
// gradient's dtype. With g = grad * factor and t the step from 1:
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   w = w (1 - rate decay) - rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
#pragma once

#include "../check.h"

namespace stylear {

struct AdamW {
  Out weight;        // any shape  f32, read and written
  In grad;           // shape of weight  f32 | bf16
  Out m, v;          // like weight, read and written; zero before the first step
  MaybeOut rounded;  // shape of weight  bf16: a copy of the new weight
  In rate;           // [1]  f32: learning rate
  In step;           // [1]  i32: t, at least 1
  MaybeIn factor;    // [1]  f32: multiplies the gradient, as clipping does; without it 1
  float beta1;       // in [0, 1)
  float beta2;       // in [0, 1)
  float eps;         // > 0
  float decay;       // >= 0

  static constexpr const char* name = "adamw";
  template <class V>
  void fields(V&& v_) {
    v_("weight", weight), v_("grad", grad), v_("m", m), v_("v", v), v_("rounded", rounded);
    v_("rate", rate), v_("step", step), v_("factor", factor), v_("beta1", beta1);
    v_("beta2", beta2), v_("eps", eps), v_("decay", decay);
  }
  void check() const {
    const Check check(name);
    check.dtype("weight", weight, {Dtype::f32});
    check.shape("grad", grad, weight.shape);
    check.dtype("grad", grad, {Dtype::f32, Dtype::bf16});
    check.like("m", m, weight);
    check.like("v", v, weight);
    check.apart("m", m, "weight", weight);
    check.apart("v", v, "weight", weight);
    check.apart("v", v, "m", m);
    if (rounded.present()) {
      check.shape("rounded", rounded, weight.shape);
      check.dtype("rounded", rounded, {Dtype::bf16});
    }
    check.shape("rate", rate, {1});
    check.dtype("rate", rate, {Dtype::f32});
    check.shape("step", step, {1});
    check.dtype("step", step, {Dtype::i32});
    if (factor.present()) {
      check.shape("factor", factor, {1});
      check.dtype("factor", factor, {Dtype::f32});
    }
    check.that(beta1 >= 0 && beta1 < 1, "beta1", "in [0, 1)", beta1);
    check.that(beta2 >= 0 && beta2 < 1, "beta2", "in [0, 1)", beta2);
    check.that(eps > 0, "eps", "positive", eps);
    check.that(decay >= 0 && std::isfinite(decay), "decay", "0 or more", decay);
  }
};

}  // namespace stylear
