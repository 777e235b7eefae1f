// Attention of a few new query rows per sequence over a paged key-value cache: key j of sequence s
// lies in page table[s, j / pageTokens], row j % pageTokens. Query row i sees keys
// j <= lengths[s] - queries + i, so `lengths` counts the new tokens. Sequences may share pages. The
// keys are split into pieces of a fixed size and combined in a fixed order, so a row's bits depend
// neither on the batch nor on the number of query rows. Kwon et al. 2023; softmax in f32.
#pragma once

#include "../check.h"

namespace stylear {

struct PagedAttention {
  In q;        // [sequences, queries, heads, headDim]  f32 | bf16, queries 1 to 64
  In k_pages;  // [pages, kvHeads, pageTokens, headDim]  f32 | bf16; kvHeads divides heads
  In v_pages;  // like k_pages
  In table;    // [sequences, maxPages]  i32 in [0, pages) as far as the length reaches
  In lengths;  // [sequences]  i32 in [0, maxPages * pageTokens]; a row that sees nothing is zero
  Out y;       // like q
  float scale;

  static constexpr const char* name = "paged_attention";
  template <class V>
  void fields(V&& v) {
    v("q", q), v("kPages", k_pages), v("vPages", v_pages), v("table", table);
    v("lengths", lengths), v("y", y), v("scale", scale);
  }
  void check() const {
    const Check check(name);
    check.rank("q", q, 4, "[sequences, queries, heads, headDim]");
    check.dtype("q", q, {Dtype::f32, Dtype::bf16});
    check.shape_that(q.shape[1] <= 64, "q", "of 64 queries a sequence at most", q);
    check.shape_that(q.shape[3] <= 256, "q", "of headDim 256 at most", q);
    check.rank("kPages", k_pages, 4, "[pages, kvHeads, pageTokens, headDim]");
    check.dtype("kPages", k_pages, {Dtype::f32, Dtype::bf16});
    check.shape_that(
        k_pages.shape[3] == q.shape[3] && q.shape[2] % k_pages.shape[1] == 0, "kPages",
        [&] {
          return "[pages, kvHeads, pageTokens, " + std::to_string(q.shape[3]) +
                 "] with kvHeads dividing the " + std::to_string(q.shape[2]) + " heads";
        },
        k_pages);
    check.like("vPages", v_pages, k_pages);
    check.rank("table", table, 2, "[sequences, maxPages]");
    check.shape("table", table, {q.shape[0], table.shape[1]});
    check.dtype("table", table, {Dtype::i32});
    check.shape("lengths", lengths, {q.shape[0]});
    check.dtype("lengths", lengths, {Dtype::i32});
    check.like("y", y, q);
    check.apart("y", y, "q", q);
    check.finite("scale", scale);
  }
};

}  // namespace stylear
