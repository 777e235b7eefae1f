#include "../../core/ops/sum_rows.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

template <class T>
struct Element {
  const T* x;
  int64_t width;
  __device__ float operator()(int64_t r, int64_t c) const { return to_float(x[r * width + c]); }
};

}  // namespace

// Bounded by reading x once.
void run(const SumRows& op, Stream& stream) {
  const int64_t width = op.y.count(), rows = op.x.count() / width;
  with_float(op.x.dtype, [&](auto x_type) {
    using X = decltype(x_type);
    with_float(op.y.dtype, [&](auto y_type) {
      using Y = decltype(y_type);
      sum_columns(stream, rows, width, Element<X>{op.x.as<X>(), width},
                  PutScaled<Y>{op.y.as<Y>(), op.scale});
    });
  });
}

}  // namespace stylear::cuda
