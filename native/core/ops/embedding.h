// y[t] = table[ids[t]], or rows[slots[t]] where slots[t] >= 0: an embedding lookup in which some
// rows are overwritten, as style tokens are. Without rows it is a gather.
#pragma once

#include "../check.h"

namespace stylear {

struct Embedding {
  In table;       // [vocabulary, width]  f32 | bf16
  In ids;         // [...]  i32 in [0, vocabulary); not looked at where slots[t] >= 0
  MaybeIn rows;   // [count, width]  dtype of y
  MaybeIn slots;  // like ids  i32: -1, or a row of rows
  Out y;          // [..., width]  f32 | bf16

  static constexpr const char* name = "embedding";
  template <class V>
  void fields(V&& v) {
    v("table", table), v("ids", ids), v("rows", rows), v("slots", slots), v("y", y);
  }
  void check() const {
    const Check check(name);
    check.rank("table", table, 2, "[vocabulary, width]");
    check.dtype("table", table, {Dtype::f32, Dtype::bf16});
    check.dtype("ids", ids, {Dtype::i32});
    const int64_t width = table.shape[-1];
    Shape expected = ids.shape;
    check.shape_that(ids.shape.rank() < Shape::max_rank, "ids", "of rank 5 at most", ids);
    expected.push(width);
    check.shape("y", y, expected);
    check.dtype("y", y, {Dtype::f32, Dtype::bf16});
    check.together("rows", rows, "slots", slots);
    if (rows.present()) {
      check.rank("rows", rows, 2, "[count, width]");
      check.shape("rows", rows, {rows.shape[0], width});
      check.dtype("rows", rows, {y.dtype});
      check.like("slots", slots, ids);
      check.apart("y", y, "rows", rows);
    }
    check.apart("y", y, "table", table);
  }
};

// dtable[v] = sum over t with ids[t] = v and no slot of dy[t]; drows[j] = sum over t with
// slots[t] = j. Rows nobody used get zero. Sums run over ascending t.
struct EmbeddingBackward {
  In ids;           // [...]  i32
  MaybeIn slots;    // like ids
  In dy;            // [..., width]  f32 | bf16
  MaybeOut dtable;  // [vocabulary, width]  f32 | bf16
  MaybeOut drows;   // [count, width]  f32 | bf16

  static constexpr const char* name = "embedding_backward";
  template <class V>
  void fields(V&& v) {
    v("ids", ids), v("slots", slots), v("dy", dy), v("dtable", dtable), v("drows", drows);
  }
  void check() const {
    const Check check(name);
    check.dtype("ids", ids, {Dtype::i32});
    check.dtype("dy", dy, {Dtype::f32, Dtype::bf16});
    check.shape_that(ids.shape.rank() < Shape::max_rank, "ids", "of rank 5 at most", ids);
    Shape expected = ids.shape;
    expected.push(dy.shape[-1]);
    check.shape("dy", dy, expected);
    if (slots.present()) check.like("slots", slots, ids);
    for (const auto& [argument, out] : {std::pair{"dtable", dtable}, std::pair{"drows", drows}}) {
      if (!out.present()) continue;
      check.rank(argument, out, 2, "[rows, width]");
      check.shape(argument, out, {out.shape[0], dy.shape[-1]});
      check.dtype(argument, out, {Dtype::f32, Dtype::bf16});
      check.apart(argument, out, "dy", dy);
    }
    if (drows.present() && !slots.present())
      check.fail("ERR_VALUE", "slots", "given with drows", "none");
  }
};

}  // namespace stylear
