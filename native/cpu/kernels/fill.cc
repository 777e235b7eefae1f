#include <algorithm>

#include "core/bf16.h"
#include "cpu/run.h"
#include "cpu/workers.h"

namespace stylear::cpu {

namespace {

template <class T>
void fill(const Fill& op, T value, Workers& workers) {
  T* y = op.y.as<T>();
  workers.for_each(op.y.count(), workers.grain(op.y.count(), 64 << 10),
                   [=](int64_t begin, int64_t end) { std::fill(y + begin, y + end, value); });
}

}  // namespace

void run(const Fill& op, Workers& workers) {
  switch (op.y.dtype) {
    case Dtype::f32:
      return fill(op, op.value, workers);
    case Dtype::bf16:
      return fill(op, bf16(op.value), workers);
    case Dtype::i32:
      return fill(op, static_cast<int32_t>(op.value), workers);
    case Dtype::i8:
      return fill(op, static_cast<int8_t>(op.value), workers);
  }
}

}  // namespace stylear::cpu
