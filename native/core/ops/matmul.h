// c = alpha * op(a) op(b) + (accumulate ? c : 0), op a transpose where asked. The products of
// gradients: dx = dy W, dW = dy^T x. Summed in f32 in an order that depends on the shape alone.
#pragma once

#include "../check.h"

namespace stylear {

struct Matmul {
  In a;   // [m, k], or [k, m] if transpose_a  f32 | bf16
  In b;   // [k, n], or [n, k] if transpose_b  f32 | bf16
  Out c;  // [m, n]  f32 | bf16
  bool transpose_a;
  bool transpose_b;
  bool accumulate;
  float alpha;

  static constexpr const char* name = "matmul";
  template <class V>
  void fields(V&& v) {
    v("a", a), v("b", b), v("c", c), v("transposeA", transpose_a), v("transposeB", transpose_b);
    v("accumulate", accumulate), v("alpha", alpha);
  }
  void check() const {
    const Check check(name);
    check.rank("a", a, 2, "[m, k]");
    check.rank("b", b, 2, "[k, n]");
    check.dtype("a", a, {Dtype::f32, Dtype::bf16});
    check.dtype("b", b, {Dtype::f32, Dtype::bf16});
    const int64_t inner = a.shape[transpose_a ? 0 : 1];
    const int64_t n = b.shape[transpose_b ? 0 : 1];
    check.shape("b", b, transpose_b ? Shape{n, inner} : Shape{inner, n});
    check.shape("c", c, {a.shape[transpose_a ? 1 : 0], n});
    check.dtype("c", c, {Dtype::f32, Dtype::bf16});
    check.apart("c", c, "a", a);
    check.apart("c", c, "b", b);
    check.finite("alpha", alpha);
  }
};

}  // namespace stylear
