// Draws one token per row, in one pass over the legal range of the vocabulary:
//   1. l = u + guidance * (c - u), or c without `uncond`                      (Ho & Salimans 2022)
//   2. only tokens in [range[r, 0], range[r, 1]) are legal; a range of one token forces it
//   3. top-k: values >= the k-th largest stay, ties kept; 0 keeps all
//   4. l / temperature
//   5. top-p: of what is left, best first (ties: lower token first), a token stays while the mass
//      before it is below top_p; 1 keeps all
//   6. min-p: tokens with probability below min_p times that of the best go; 0 keeps all
//   7. the token is argmax of l / temperature + G, with Gumbel noise G = -log(-log U) keyed by
//      (seed, position, token): the same seed and position draw the same token in any batch.
// Temperature 0 takes the largest l, ties to the lower token, with log-probability 0. A logit that
// is NaN counts as -inf; where all are -inf the first legal token is drawn. The kept set equals
// that of a full sort.
#pragma once

#include "../check.h"

namespace stylear {

struct Sample {
  In logits;       // [rows, width]  f32 | bf16: column c is token first_token + c
  MaybeIn uncond;  // like logits
  In range;        // [rows, 2]  i32: legal tokens, first and one past the last; not empty, within
                   // the columns
  In top_k;        // [rows]  i32, 0 or more
  In settings;     // [rows, 4]  f32: guidance, temperature >= 0, top_p in (0, 1], min_p in [0, 1)
  In seeds;        // [rows, 2]  i32: low and high half of a 64-bit seed
  In positions;    // [rows]  i32: absolute position of the token drawn
  Out tokens;      // [rows]  i32
  MaybeOut
      log_probs;  // [rows]  f32: log-probability of the token among those kept, with temperature
  int64_t first_token;  // token id of column 0, >= 0

  static constexpr const char* name = "sample";
  template <class V>
  void fields(V&& v) {
    v("logits", logits), v("uncond", uncond), v("range", range), v("topK", top_k);
    v("settings", settings), v("seeds", seeds), v("positions", positions), v("tokens", tokens);
    v("logProbs", log_probs), v("firstToken", first_token);
  }
  void check() const {
    const Check check(name);
    check.rank("logits", logits, 2, "[rows, width]");
    check.dtype("logits", logits, {Dtype::f32, Dtype::bf16});
    check.shape_that(logits.shape[1] <= (1 << 20), "logits", "of width 1048576 at most", logits);
    if (uncond.present()) check.like("uncond", uncond, logits);
    const int64_t rows = logits.shape[0];
    check.shape("range", range, {rows, 2});
    check.dtype("range", range, {Dtype::i32});
    check.shape("topK", top_k, {rows});
    check.dtype("topK", top_k, {Dtype::i32});
    check.shape("settings", settings, {rows, 4});
    check.dtype("settings", settings, {Dtype::f32});
    check.shape("seeds", seeds, {rows, 2});
    check.dtype("seeds", seeds, {Dtype::i32});
    check.shape("positions", positions, {rows});
    check.dtype("positions", positions, {Dtype::i32});
    check.shape("tokens", tokens, {rows});
    check.dtype("tokens", tokens, {Dtype::i32});
    if (log_probs.present()) {
      check.shape("logProbs", log_probs, {rows});
      check.dtype("logProbs", log_probs, {Dtype::f32});
    }
    check.that(first_token >= 0, "firstToken", "0 or more", first_token);
  }
};

}  // namespace stylear
