#include "../../core/ops/upsample.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// Elements of x, in order of memory; each goes to four places of y. Bounded by writing y.
template <class T>
struct UpsampleBody {
  const T* x;
  T* y;
  int64_t width, channels;

  template <int n>
  __device__ void run(int64_t at) const {
    float v[n];
    load<n>(x + at, v);
    const int64_t c = at % channels, pixel = at / channels;
    const int64_t j = pixel % width, i = pixel / width;  // i counts the rows of all images
    T* to = y + (4 * i * width + 2 * j) * channels + c;
    store<n>(to, v);
    store<n>(to + channels, v);
    store<n>(to + 2 * width * channels, v);
    store<n>(to + (2 * width + 1) * channels, v);
  }
};

// Bounded by reading dy.
template <class T>
struct UpsampleBackwardBody {
  const T* dy;
  T* dx;
  int64_t width, channels;

  template <int n>
  __device__ void run(int64_t at) const {
    const int64_t c = at % channels, pixel = at / channels;
    const int64_t j = pixel % width, i = pixel / width;
    const T* from = dy + (4 * i * width + 2 * j) * channels + c;
    float a[n], b[n], d[n], e[n];
    load<n>(from, a);
    load<n>(from + channels, b);
    load<n>(from + 2 * width * channels, d);
    load<n>(from + (2 * width + 1) * channels, e);
#pragma unroll
    for (int k = 0; k < n; ++k) a[k] = (a[k] + b[k]) + (d[k] + e[k]);
    store<n>(dx + at, a);
  }
};

}  // namespace

void run(const Upsample& op, Stream& stream) {
  const int64_t width = op.x.shape[2], channels = op.x.shape[3];
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    for_each_element(stream, op.x.count(), aligned(op.x, op.y) && channels % vector_width == 0,
                     UpsampleBody<T>{op.x.as<T>(), op.y.as<T>(), width, channels});
  });
}

void run(const UpsampleBackward& op, Stream& stream) {
  const int64_t width = op.dx.shape[2], channels = op.dx.shape[3];
  with_float(op.dx.dtype, [&](auto type) {
    using T = decltype(type);
    for_each_element(stream, op.dx.count(), aligned(op.dx, op.dy) && channels % vector_width == 0,
                     UpsampleBackwardBody<T>{op.dy.as<T>(), op.dx.as<T>(), width, channels});
  });
}

}  // namespace stylear::cuda
