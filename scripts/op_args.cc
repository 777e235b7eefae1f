// Prints every op as a line `op <name>` and each of its fields as `<name> <kind>`, read off the
// structs of native/core themselves. Compiled and run by scripts/generate.mjs.
#include <cstdio>
#include <type_traits>

#include "core/ops.h"

namespace stylear {
namespace {

struct PrintFields {
  template <class T>
  void operator()(const char* name, const T&) const {
    std::printf("%s ", name);
    if constexpr (std::is_base_of_v<MaybeIn, T> || std::is_base_of_v<MaybeOut, T>) {
      std::puts("maybe_tensor");
    } else if constexpr (std::is_base_of_v<TensorView, T>) {
      std::puts("tensor");
    } else if constexpr (std::is_same_v<T, Ints>) {
      std::puts("ints");
    } else if constexpr (std::is_same_v<T, bool>) {
      std::puts("bool");
    } else if constexpr (std::is_enum_v<T>) {
      std::printf("enum");
      for (const char* value : EnumNames<T>::names) std::printf(" %s", value);
      std::puts("");
    } else {
      static_assert(std::is_arithmetic_v<T>, "a field of a kind that generate does not know");
      std::puts("number");
    }
  }
};

template <class Op>
void print() {
  std::printf("op %s\n", Op::name);
  Op op{};
  op.fields(PrintFields{});
}

}  // namespace
}  // namespace stylear

int main() {
#define X(Op) stylear::print<stylear::Op>();
  STYLEAR_OPS(X)
#undef X
}
