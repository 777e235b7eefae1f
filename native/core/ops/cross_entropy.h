// loss[r] = weights[r] * (lse - logits[r, labels[r]] + z_loss * lse^2), lse = log sum exp of the
// row; 0 where the label is negative (ignored). Probabilities are never stored; sums in f32. The
// z-loss keeps lse near 0 (Chowdhery et al. 2022, PaLM, section 5). With weights 1 / count the rows
// sum to the mean over the labels that count.
#pragma once

#include "../check.h"

namespace stylear {

struct CrossEntropy {
  In logits;        // [rows, classes]  f32 | bf16
  In labels;        // [rows]  i32 in [0, classes), or negative to ignore the row
  MaybeIn weights;  // [rows]  f32; without them 1
  Out loss;         // [rows]  f32
  Out lse;          // [rows]  f32, also of ignored rows
  float z_loss;     // >= 0

  static constexpr const char* name = "cross_entropy";
  template <class V>
  void fields(V&& v) {
    v("logits", logits), v("labels", labels), v("weights", weights), v("loss", loss);
    v("lse", lse), v("zLoss", z_loss);
  }
  void check() const {
    const Check check(name);
    check.rank("logits", logits, 2, "[rows, classes]");
    check.dtype("logits", logits, {Dtype::f32, Dtype::bf16});
    const Shape rows = {logits.shape[0]};
    check.shape("labels", labels, rows);
    check.dtype("labels", labels, {Dtype::i32});
    if (weights.present()) {
      check.shape("weights", weights, rows);
      check.dtype("weights", weights, {Dtype::f32});
    }
    check.shape("loss", loss, rows);
    check.dtype("loss", loss, {Dtype::f32});
    check.shape("lse", lse, rows);
    check.dtype("lse", lse, {Dtype::f32});
    check.that(z_loss >= 0 && std::isfinite(z_loss), "zLoss", "0 or more", z_loss);
  }
};

// dlogits[r] = dloss[r] * weights[r] * (p (1 + 2 z_loss lse) - onehot(label)), p = exp(logits -
// lse).
struct CrossEntropyBackward {
  In logits, labels;  // as in CrossEntropy
  MaybeIn weights;
  In lse;       // [rows]  f32, of the forward op
  In dloss;     // [rows]  f32
  Out dlogits;  // like logits; may be logits
  float z_loss;

  static constexpr const char* name = "cross_entropy_backward";
  template <class V>
  void fields(V&& v) {
    v("logits", logits), v("labels", labels), v("weights", weights), v("lse", lse);
    v("dloss", dloss), v("dlogits", dlogits), v("zLoss", z_loss);
  }
  void check() const {
    const Check check(name);
    check.rank("logits", logits, 2, "[rows, classes]");
    check.dtype("logits", logits, {Dtype::f32, Dtype::bf16});
    const Shape rows = {logits.shape[0]};
    check.shape("labels", labels, rows);
    check.dtype("labels", labels, {Dtype::i32});
    if (weights.present()) {
      check.shape("weights", weights, rows);
      check.dtype("weights", weights, {Dtype::f32});
    }
    check.shape("lse", lse, rows);
    check.dtype("lse", lse, {Dtype::f32});
    check.shape("dloss", dloss, rows);
    check.dtype("dloss", dloss, {Dtype::f32});
    check.like("dlogits", dlogits, logits);
    check.same_or_apart("dlogits", dlogits, "logits", logits);
    check.that(z_loss >= 0 && std::isfinite(z_loss), "zLoss", "0 or more", z_loss);
  }
};

}  // namespace stylear
