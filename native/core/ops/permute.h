// y[i_order[0], i_order[1], ...] = x[i_0, i_1, ...]: axis a of y is axis order[a] of x.
#pragma once

#include "../check.h"

namespace stylear {

struct Permute {
  In x;        // rank 1 to 6  any dtype
  Out y;       // extents of x in the new order, dtype of x
  Ints order;  // a permutation of the axes of x

  static constexpr const char* name = "permute";
  template <class V>
  void fields(V&& v) {
    v("x", x), v("y", y), v("order", order);
  }
  void check() const {
    const Check check(name);
    const int rank = x.shape.rank();
    check.that(
        order.count == rank, "order", [&] { return "one entry per axis of x " + x.shape.text(); },
        order.count);
    unsigned seen = 0;
    Shape expected;
    for (int a = 0; a < rank; ++a) {
      const int64_t from = order[a];
      check.that(from >= 0 && from < rank && !(seen >> from & 1), "order",
                 "a permutation of the axes of x", from);
      seen |= 1u << from;
      expected.push(x.shape[static_cast<int>(from)]);
    }
    check.shape("y", y, expected);
    check.dtype("y", y, {x.dtype});
    check.apart("y", y, "x", x);
  }
};

}  // namespace stylear
