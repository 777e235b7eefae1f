#include "../../core/ops/multiply.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// Bounded by memory: x and y read once (a repeated y from cache), z written once.
template <class T, class Y>
struct MultiplyBody {
  const T* x;
  const Y* y;
  T* z;
  int64_t period;  // elements of y

  template <int n>
  __device__ void run(int64_t at) const {
    float a[n], b[n];
    load<n>(x + at, a);
    if (period == 1) {
#pragma unroll
      for (int i = 0; i < n; ++i) b[i] = to_float(y[0]);
    } else {
      load<n>(y + at % period, b);
    }
#pragma unroll
    for (int i = 0; i < n; ++i) a[i] *= b[i];
    store<n>(z + at, a);
  }
};

}  // namespace

void run(const Multiply& op, Stream& stream) {
  const int64_t period = op.y.count();
  const bool vectors =
      period == 1 ? aligned(op.x, op.z) : aligned(op.x, op.y, op.z) && period % vector_width == 0;
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    with_float(op.y.dtype, [&](auto y_type) {
      using Y = decltype(y_type);
      const MultiplyBody<T, Y> body{op.x.as<T>(), op.y.as<Y>(), op.z.as<T>(), period};
      for_each_element(stream, op.x.count(), vectors, body);
    });
  });
}

}  // namespace stylear::cuda
