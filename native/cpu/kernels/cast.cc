#include "../../core/ops/cast.h"

#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

template <class From, class To>
void cast(const Cast& op, Workers& workers) {
  const From* x = op.x.as<From>();
  To* y = op.y.as<To>();
  workers.for_each(op.x.count(), 1 << 15, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = To(static_cast<float>(x[i]));
  });
}

}  // namespace

void run(const Cast& op, Workers& workers) {
  with_float(op.y.dtype, [&](auto zero) {
    using To = decltype(zero);
    if (op.x.dtype == Dtype::i32) return cast<int32_t, To>(op, workers);
    with_float(op.x.dtype, [&](auto from) { cast<decltype(from), To>(op, workers); });
  });
}

}  // namespace stylear::cpu
