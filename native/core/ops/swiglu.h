// y = silu(gate) * up. Shazeer 2020, "GLU variants improve Transformer".
#pragma once

#include "../check.h"

namespace stylear {

struct SwiGlu {
  In gate;  // any shape  f32 | bf16
  In up;    // like gate
  Out y;    // like gate; may be gate or up

  static constexpr const char* name = "swiglu";
  template <class V>
  void fields(V&& v) {
    v("gate", gate), v("up", up), v("y", y);
  }
  void check() const {
    const Check check(name);
    check.dtype("gate", gate, {Dtype::f32, Dtype::bf16});
    check.like("up", up, gate);
    check.like("y", y, gate);
    check.same_or_apart("y", y, "gate", gate);
    check.same_or_apart("y", y, "up", up);
  }
};

struct SwiGluBackward {
  In gate;    // any shape  f32 | bf16
  In up;      // like gate
  In dy;      // like gate
  Out dgate;  // like gate; may be dy
  Out dup;    // like gate, apart from dgate

  static constexpr const char* name = "swiglu_backward";
  template <class V>
  void fields(V&& v) {
    v("gate", gate), v("up", up), v("dy", dy), v("dgate", dgate), v("dup", dup);
  }
  void check() const {
    const Check check(name);
    check.dtype("gate", gate, {Dtype::f32, Dtype::bf16});
    check.like("up", up, gate);
    check.like("dy", dy, gate);
    check.like("dgate", dgate, gate);
    check.like("dup", dup, gate);
    check.apart("dgate", dgate, "dup", dup);
    check.same_or_apart("dgate", dgate, "dy", dy);
    check.apart("dup", dup, "dy", dy);
  }
};

}  // namespace stylear
