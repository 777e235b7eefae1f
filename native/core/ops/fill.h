// y = value, everywhere.
#pragma once

#include "../check.h"

namespace stylear {

struct Fill {
  Out y;  // any shape, any dtype; i32 and i8 take the value truncated
  float value;

  static constexpr const char* name = "fill";
  template <class V>
  void fields(V&& v) {
    v("y", y), v("value", value);
  }
  void check() const {}
};

}  // namespace stylear
