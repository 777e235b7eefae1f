#include "../../core/ops/clip_factor.h"

#include <algorithm>
#include <cmath>

#include "../dispatch.h"
#include "../row_sums.h"
#include "../run.h"
#include "../sweep.h"

namespace stylear::cpu {

void run(const SumSquares& op, Workers& workers) {
  const float* sum =
      sum_over_rows(workers, op.x.count(), 1, [&](int64_t begin, int64_t end, float* sums) {
        with_float(op.x.dtype, [&](auto zero) {
          const auto* x = op.x.as<decltype(zero)>();
          *sums = sum_of(end - begin, [&](int64_t i, auto count) {
            const Floats v = load(x + begin + i, count);
            return v * v;
          });
        });
      });
  float* total = op.total.as<float>();
  *total = op.accumulate ? *total + *sum : *sum;
}

void run(const ClipFactor& op, Workers&) {
  const float factor = op.max_norm / (std::sqrt(*op.total.as<float>()) + 1e-6f);
  *op.factor.as<float>() = factor > 1.0f ? 1.0f : factor;  // a NaN stays one
}

}  // namespace stylear::cpu
