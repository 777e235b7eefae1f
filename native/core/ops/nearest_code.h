// codes[r] = argmin_j |x[r] - codebook[j]|^2, ties to the lower code: the VQGAN's quantiser (van
// den Oord et al. 2017, eq. 1). Compared as |c|^2 - 2 x.c in f32.
#pragma once

#include "../check.h"

namespace stylear {

struct NearestCode {
  In x;         // [..., width]  f32
  In codebook;  // [count, width]  f32
  Out codes;    // [...]  i32

  static constexpr const char* name = "nearest_code";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("codebook", codebook), v("codes", codes);
  }
  void check() const {
    const Check check(name);
    check.dtype("x", x, {Dtype::f32});
    check.rank_at_least("x", x, 2, "[..., width]");
    check.rank("codebook", codebook, 2, "[count, width]");
    check.shape("codebook", codebook, {codebook.shape[0], x.shape[-1]});
    check.dtype("codebook", codebook, {Dtype::f32});
    Shape rows;
    for (int axis = 0; axis + 1 < x.shape.rank(); ++axis) rows.push(x.shape[axis]);
    check.shape("codes", codes, rows);
    check.dtype("codes", codes, {Dtype::i32});
  }
};

}  // namespace stylear
