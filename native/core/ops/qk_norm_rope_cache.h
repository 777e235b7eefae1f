// What precedes paged attention in one pass: per-head layer norm of q and k (Chameleon's QK-norm,
// see LayerNorm; left out when there are no weights), rotary embedding (see Rope), and the write of
// k and v into the cache. Token t of sequence s goes to page table[s, c / pageTokens], row
// c % pageTokens, where c = cache_positions[s, t]; a negative c writes nothing.
#pragma once

#include "layer_norm.h"

namespace stylear {

struct QkNormRopeCache {
  In q;                      // [sequences, tokens, heads, headDim]  f32 | bf16, headDim even
  In k;                      // [sequences, tokens, kvHeads, headDim]  dtype of q
  In v;                      // like k
  MaybeIn q_weight, q_bias;  // [headDim] or [groups, headDim]  dtype of q, or f32
  MaybeIn k_weight, k_bias;  // the same; all four or none
  In positions;              // [sequences, tokens]  i32: angles of the rotary embedding
  In cache_positions;        // [sequences, tokens]  i32: index in the sequence's cache
  In table;                  // [sequences, maxPages]  i32
  Out y;                     // like q: the queries, normed and rotated; may be q
  Out k_pages;               // [pages, kvHeads, pageTokens, headDim]  f32 | bf16
  Out v_pages;               // like k_pages
  float eps;                 // > 0, of the norms
  float theta;               // > 0

  static constexpr const char* name = "qk_norm_rope_cache";
  template <class V>
  void fields(V&& v_) {
    v_("q", q), v_("k", k), v_("v", v), v_("qWeight", q_weight), v_("qBias", q_bias);
    v_("kWeight", k_weight), v_("kBias", k_bias), v_("positions", positions);
    v_("cachePositions", cache_positions), v_("table", table), v_("y", y);
    v_("kPages", k_pages), v_("vPages", v_pages), v_("eps", eps), v_("theta", theta);
  }
  void check() const {
    const Check check(name);
    check.rank("q", q, 4, "[sequences, tokens, heads, headDim]");
    check.dtype("q", q, {Dtype::f32, Dtype::bf16});
    check.shape_that(q.shape[3] % 2 == 0 && q.shape[3] <= 256, "q", "of even headDim, 256 at most",
                     q);
    check.rank("k", k, 4, "[sequences, tokens, kvHeads, headDim]");
    check.shape("k", k, {q.shape[0], q.shape[1], k.shape[2], q.shape[3]});
    check.dtype("k", k, {q.dtype});
    check.like("v", v, k);
    check.together("qWeight", q_weight, "kWeight", k_weight);
    check.together("qBias", q_bias, "qWeight", q_weight);
    check.together("kBias", k_bias, "kWeight", k_weight);
    if (q_weight.present()) {
      check_layer_norm_weight(check, "qWeight", q_weight, q);
      check_layer_norm_weight(check, "kWeight", k_weight, k);
      check.dtype("qWeight", q_weight, {q.dtype, Dtype::f32});
      check.dtype("kWeight", k_weight, {q_weight.dtype});
      check.like("qBias", q_bias, q_weight);
      check.like("kBias", k_bias, k_weight);
    }
    for (const auto& [argument, in] :
         {std::pair{"positions", positions}, std::pair{"cachePositions", cache_positions}}) {
      check.shape(argument, in, {q.shape[0], q.shape[1]});
      check.dtype(argument, in, {Dtype::i32});
    }
    check.rank("table", table, 2, "[sequences, maxPages]");
    check.shape("table", table, {q.shape[0], table.shape[1]});
    check.dtype("table", table, {Dtype::i32});
    check.like("y", y, q);
    check.same_or_apart("y", y, "q", q);
    check.rank("kPages", k_pages, 4, "[pages, kvHeads, pageTokens, headDim]");
    check.shape("kPages", k_pages, {k_pages.shape[0], k.shape[2], k_pages.shape[2], q.shape[3]});
    check.dtype("kPages", k_pages, {Dtype::f32, Dtype::bf16});
    check.like("vPages", v_pages, k_pages);
    check.apart("vPages", v_pages, "kPages", k_pages);
    check.that(eps > 0, "eps", "positive", eps);
    check.that(theta > 0, "theta", "positive", theta);
  }
};

}  // namespace stylear
