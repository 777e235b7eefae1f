#include "../../core/ops/clip_factor.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

template <class T>
struct Square {
  const T* x;
  __device__ float operator()(int64_t r, int64_t) const {
    const float v = to_float(x[r]);
    return v * v;
  }
};

struct PutTotal {
  float* total;
  bool accumulate;
  __device__ void operator()(int64_t, float sum) const {
    total[0] = accumulate ? total[0] + sum : sum;
  }
};

__global__ void clip_factor_kernel(const float* total, float* factor, float max_norm) {
  const float ratio = max_norm / (sqrtf(total[0]) + 1e-6f);
  factor[0] = ratio > 1.0f ? 1.0f : ratio;  // NaN stays NaN
}

}  // namespace

// Bounded by reading x once.
void run(const SumSquares& op, Stream& stream) {
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    sum_columns(stream, op.x.count(), 1, Square<T>{op.x.as<T>()},
                PutTotal{op.total.as<float>(), op.accumulate});
  });
}

void run(const ClipFactor& op, Stream& stream) {
  launch(stream, clip_factor_kernel, 1, 1, 0, op.total.as<float>(), op.factor.as<float>(),
         op.max_norm);
}

}  // namespace stylear::cuda
