#include "../../core/ops/pointwise.h"

#include "../dispatch.h"
#include "../pointwise.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// Bounded by memory: each input read once, the output written once. The function is the same for
// every thread, so that choosing it costs no divergence.
template <class T>
struct PointwiseBody {
  const T* x;
  T* y;
  Pointwise function;

  template <int n>
  __device__ void run(int64_t at) const {
    float v[n];
    load<n>(x + at, v);
#pragma unroll
    for (int i = 0; i < n; ++i) v[i] = apply(function, v[i]);
    store<n>(y + at, v);
  }
};

template <class T>
struct PointwiseBackwardBody {
  const T *x, *dy;
  T* dx;
  Pointwise function;

  template <int n>
  __device__ void run(int64_t at) const {
    float v[n], d[n];
    load<n>(x + at, v);
    load<n>(dy + at, d);
#pragma unroll
    for (int i = 0; i < n; ++i) d[i] *= slope(function, v[i]);
    store<n>(dx + at, d);
  }
};

}  // namespace

void run(const PointwiseMap& op, Stream& stream) {
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    for_each_element(stream, op.x.count(), aligned(op.x, op.y),
                     PointwiseBody<T>{op.x.as<T>(), op.y.as<T>(), op.function});
  });
}

void run(const PointwiseMapBackward& op, Stream& stream) {
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    const PointwiseBackwardBody<T> body{op.x.as<T>(), op.dy.as<T>(), op.dx.as<T>(), op.function};
    for_each_element(stream, op.x.count(), aligned(op.x, op.dy, op.dx), body);
  });
}

}  // namespace stylear::cuda
