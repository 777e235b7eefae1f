#include "../../core/ops/swiglu.h"

#include "../dispatch.h"
#include "../pointwise.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// Bounded by memory: each input read once, each output written once.
template <class T>
struct SwiGluBody {
  const T *gate, *up;
  T* y;

  template <int n>
  __device__ void run(int64_t at) const {
    float g[n], u[n];
    load<n>(gate + at, g);
    load<n>(up + at, u);
#pragma unroll
    for (int i = 0; i < n; ++i) g[i] = g[i] * sigmoid_of(g[i]) * u[i];
    store<n>(y + at, g);
  }
};

// With s = sigmoid(gate): dup = dy gate s, dgate = dy up s (1 + gate (1 - s)).
template <class T>
struct SwiGluBackwardBody {
  const T *gate, *up, *dy;
  T *dgate, *dup;

  template <int n>
  __device__ void run(int64_t at) const {
    float g[n], u[n], d[n];
    load<n>(gate + at, g);
    load<n>(up + at, u);
    load<n>(dy + at, d);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const float s = sigmoid_of(g[i]), of_up = d[i] * g[i] * s;
      g[i] = d[i] * u[i] * s * (1.0f + g[i] * (1.0f - s));
      u[i] = of_up;
    }
    store<n>(dgate + at, g);
    store<n>(dup + at, u);
  }
};

}  // namespace

void run(const SwiGlu& op, Stream& stream) {
  with_float(op.gate.dtype, [&](auto type) {
    using T = decltype(type);
    for_each_element(stream, op.gate.count(), aligned(op.gate, op.up, op.y),
                     SwiGluBody<T>{op.gate.as<T>(), op.up.as<T>(), op.y.as<T>()});
  });
}

void run(const SwiGluBackward& op, Stream& stream) {
  with_float(op.gate.dtype, [&](auto type) {
    using T = decltype(type);
    const SwiGluBackwardBody<T> body{op.gate.as<T>(), op.up.as<T>(), op.dy.as<T>(),
                                     op.dgate.as<T>(), op.dup.as<T>()};
    for_each_element(stream, op.gate.count(), aligned(op.gate, op.up, op.dy, op.dgate, op.dup),
                     body);
  });
}

}  // namespace stylear::cuda
