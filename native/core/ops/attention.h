// y = softmax(scale * q k^T + mask) v for each sequence and head, with an online softmax: the score
// matrix is never stored. Head h reads key-value head h / (heads / kvHeads).
// Query row i of sequence s sees key j when j < k_lengths[s] and, if causal, j <= q_offsets[s] + i.
// A row that sees nothing is zero. Dao et al. 2022; softmax in f32.
#pragma once

#include "../check.h"

namespace stylear {

struct Attention {
  In q;               // [sequences, queries, heads, headDim]  f32 | bf16, headDim 1 to 512
  In k;               // [sequences, keys, kvHeads, headDim]  dtype of q; kvHeads divides heads
  In v;               // like k
  MaybeIn q_offsets;  // [sequences]  i32; without it keys - queries
  MaybeIn k_lengths;  // [sequences]  i32 in [0, keys]; without it keys
  Out y;              // like q
  MaybeOut lse;       // [sequences, heads, queries]  f32: log sum exp of the scaled scores; -inf
                      // for a row that sees nothing
  bool causal;
  float scale;

  static constexpr const char* name = "attention";
  template <class V>
  void fields(V&& v_) {
    v_("q", q), v_("k", k), v_("v", v), v_("qOffsets", q_offsets), v_("kLengths", k_lengths);
    v_("y", y), v_("lse", lse), v_("causal", causal), v_("scale", scale);
  }
  void check() const { check_inputs(Check(name), *this), check_outputs(Check(name)); }

  // Shared by the backward op, whose inputs have the same names.
  template <class Op>
  static void check_inputs(const Check& check, const Op& op) {
    check.rank("q", op.q, 4, "[sequences, queries, heads, headDim]");
    check.rank("k", op.k, 4, "[sequences, keys, kvHeads, headDim]");
    check.dtype("q", op.q, {Dtype::f32, Dtype::bf16});
    const Shape &q = op.q.shape, &k = op.k.shape;
    check.shape_that(q[3] <= 512, "q", "of headDim 512 at most", op.q);
    check.shape_that(
        k[0] == q[0] && k[3] == q[3] && q[2] % k[2] == 0, "k",
        [&] {
          return "[" + std::to_string(q[0]) + ", keys, kvHeads, " + std::to_string(q[3]) +
                 "] with kvHeads dividing the " + std::to_string(q[2]) + " heads";
        },
        op.k);
    check.dtype("k", op.k, op.q.dtype);
    check.like("v", op.v, op.k);
    if (op.q_offsets.present()) {
      check.shape("qOffsets", op.q_offsets, {q[0]});
      check.dtype("qOffsets", op.q_offsets, {Dtype::i32});
    }
    if (op.k_lengths.present()) {
      check.shape("kLengths", op.k_lengths, {q[0]});
      check.dtype("kLengths", op.k_lengths, {Dtype::i32});
    }
    check.finite("scale", op.scale);
  }

 private:
  void check_outputs(const Check& check) const {
    check.like("y", y, q);
    check.apart("y", y, "q", q);
    check.apart("y", y, "k", k);
    check.apart("y", y, "v", v);
    if (!lse.present()) return;
    check.shape("lse", lse, {q.shape[0], q.shape[2], q.shape[1]});
    check.dtype("lse", lse, {Dtype::f32});
  }
};

// dq, dk, dv from dy, recomputing the probabilities from lse block by block; deterministic.
struct AttentionBackward {
  In q, k, v;                    // as in Attention
  MaybeIn q_offsets, k_lengths;  // as in Attention
  In y;                          // like q, of the forward op
  In lse;                        // [sequences, heads, queries]  f32, of the forward op
  In dy;                         // like q
  Out dq;                        // like q
  Out dk, dv;                    // like k
  bool causal;
  float scale;

  static constexpr const char* name = "attention_backward";
  template <class V>
  void fields(V&& v_) {
    v_("q", q), v_("k", k), v_("v", v), v_("qOffsets", q_offsets), v_("kLengths", k_lengths);
    v_("y", y), v_("lse", lse), v_("dy", dy), v_("dq", dq), v_("dk", dk), v_("dv", dv);
    v_("causal", causal), v_("scale", scale);
  }
  void check() const {
    const Check check(name);
    Attention::check_inputs(check, *this);
    check.like("y", y, q);
    check.shape("lse", lse, {q.shape[0], q.shape[2], q.shape[1]});
    check.dtype("lse", lse, {Dtype::f32});
    check.like("dy", dy, q);
    check.like("dq", dq, q);
    check.like("dk", dk, k);
    check.like("dv", dv, k);
    for (const auto& [argument, out] :
         {std::pair{"dq", dq}, std::pair{"dk", dk}, std::pair{"dv", dv}})
      for (const auto& [other, in] : {std::pair{"q", q}, std::pair{"k", k}, std::pair{"v", v},
                                      std::pair{"y", y}, std::pair{"dy", dy}})
        check.apart(argument, out, other, in);
  }
};

}  // namespace stylear
