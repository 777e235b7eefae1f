#include "../../core/ops/sum_rows.h"

#include "../dispatch.h"
#include "../row_sums.h"
#include "../run.h"
#include "../sweep.h"

namespace stylear::cpu {

namespace {

template <class T>
void add_rows(const T* x, int64_t begin, int64_t end, int64_t width, float* sums) {
  if (width == 1) {
    *sums = sum_of(end - begin, [&](int64_t r, auto count) { return load(x + begin + r, count); });
    return;
  }
  for (int64_t r = begin; r < end; ++r)
    for (int64_t c = 0; c < width; ++c) sums[c] += static_cast<float>(x[r * width + c]);
}

}  // namespace

void run(const SumRows& op, Workers& workers) {
  const int64_t width = op.y.count(), rows = op.x.count() / width;
  with_float(op.x.dtype, [&](auto zero) {
    const auto* x = op.x.as<decltype(zero)>();
    const float* total = sum_over_rows(
        workers, rows, width,
        [&](int64_t begin, int64_t end, float* sums) { add_rows(x, begin, end, width, sums); });
    with_float(op.y.dtype, [&](auto out) {
      using To = decltype(out);
      To* y = op.y.as<To>();
      for (int64_t c = 0; c < width; ++c) y[c] = To(total[c] * op.scale);
    });
  });
}

}  // namespace stylear::cpu
