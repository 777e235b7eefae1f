#include "../../core/ops/add.h"

#include <algorithm>

#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// The elements [begin, end) of x, y repeated every `period` elements.
template <class T>
void add(const Add& op, int64_t period, int64_t begin, int64_t end) {
  const T *x = op.x.as<T>(), *y = op.y.as<T>();
  T* z = op.z.as<T>();
  const float alpha = op.alpha, beta = op.beta;
  if (!op.y.present()) {
    for (int64_t i = begin; i < end; ++i) z[i] = T(alpha * static_cast<float>(x[i]));
    return;
  }
  for (int64_t i = begin; i < end;) {
    const int64_t stop = std::min(end, (i / period + 1) * period), shift = i / period * period;
    for (; i < stop; ++i)
      z[i] = T(alpha * static_cast<float>(x[i]) + beta * static_cast<float>(y[i - shift]));
  }
}

}  // namespace

void run(const Add& op, Workers& workers) {
  const int64_t period = op.y.present() ? op.y.count() : op.x.count();
  workers.for_each(op.x.count(), 1 << 15, [&](int64_t begin, int64_t end) {
    with_float(op.x.dtype, [&](auto zero) { add<decltype(zero)>(op, period, begin, end); });
  });
}

}  // namespace stylear::cpu
