#include "../../core/ops/multiply.h"

#include <algorithm>

#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// The elements [begin, end) of x, y repeated every `period` elements.
template <class T, class Y>
void multiply(const Multiply& op, int64_t period, int64_t begin, int64_t end) {
  const T* x = op.x.as<T>();
  const Y* y = op.y.as<Y>();
  T* z = op.z.as<T>();
  if (period == 1) {
    const float factor = static_cast<float>(*y);
    for (int64_t i = begin; i < end; ++i) z[i] = T(static_cast<float>(x[i]) * factor);
    return;
  }
  for (int64_t i = begin; i < end;) {
    const int64_t stop = std::min(end, (i / period + 1) * period), shift = i / period * period;
    for (; i < stop; ++i) z[i] = T(static_cast<float>(x[i]) * static_cast<float>(y[i - shift]));
  }
}

}  // namespace

void run(const Multiply& op, Workers& workers) {
  const int64_t period = op.y.count();
  with_float(op.x.dtype, [&](auto zero) {
    with_float(op.y.dtype, [&](auto factor) {
      workers.for_each(op.x.count(), 1 << 15, [&](int64_t begin, int64_t end) {
        multiply<decltype(zero), decltype(factor)>(op, period, begin, end);
      });
    });
  });
}

}  // namespace stylear::cpu
