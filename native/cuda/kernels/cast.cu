#include "../../core/ops/cast.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// Bounded by memory: x read once, y written once.
template <class X, class Y>
struct CastBody {
  const X* x;
  Y* y;

  template <int n>
  __device__ void run(int64_t at) const {
    float v[n];
    load<n>(x + at, v);
    store<n>(y + at, v);
  }
};

template <class Y>
struct CastIntegers {
  const int32_t* x;
  Y* y;

  template <int n>
  __device__ void run(int64_t at) const {
    float v[n];
#pragma unroll
    for (int i = 0; i < n; ++i) v[i] = static_cast<float>(x[at + i]);
    store<n>(y + at, v);
  }
};

}  // namespace

void run(const Cast& op, Stream& stream) {
  const int64_t count = op.x.count();
  const bool vectors = aligned(op.x, op.y);
  with_float(op.y.dtype, [&](auto y_type) {
    using Y = decltype(y_type);
    if (op.x.dtype == Dtype::i32) {
      const CastIntegers<Y> body{op.x.as<int32_t>(), op.y.as<Y>()};
      return for_each_element(stream, count, vectors, body);
    }
    with_float(op.x.dtype, [&](auto x_type) {
      using X = decltype(x_type);
      for_each_element(stream, count, vectors, CastBody<X, Y>{op.x.as<X>(), op.y.as<Y>()});
    });
  });
}

}  // namespace stylear::cuda
