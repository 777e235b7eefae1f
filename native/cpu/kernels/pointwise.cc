#include "../../core/ops/pointwise.h"

#include "../dispatch.h"
#include "../run.h"
#include "../simd_math.h"
#include "../sweep.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// f'(x).
template <Pointwise function>
Floats slope(Floats x) {
  if constexpr (function == Pointwise::gelu) {
    const Floats density = 0.39894228f * exp(-0.5f * x * x);
    return normal_cdf(x) + x * density;
  }
  if constexpr (function == Pointwise::quick_gelu) {
    const Floats s = sigmoid(1.702f * x);
    return s + 1.702f * x * s * (1.0f - s);
  }
  if constexpr (function == Pointwise::silu) {
    const Floats s = sigmoid(x);
    return s + x * s * (1.0f - s);
  }
  if constexpr (function == Pointwise::sigmoid) {
    const Floats s = sigmoid(x);
    return s * (1.0f - s);
  }
  if constexpr (function == Pointwise::log_sigmoid) return sigmoid(-x);
  if constexpr (function == Pointwise::exp) return exp(x);
  if constexpr (function == Pointwise::log) return 1.0f / x;
  return splat(1.0f);
}

template <Pointwise function>
void map(const PointwiseMap& op, Workers& workers) {
  with_float(op.x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = op.x.as<T>();
    T* y = op.y.as<T>();
    workers.for_each(op.x.count(), 1 << 13, [&](int64_t begin, int64_t end) {
      sweep(begin, end, [&](int64_t i, auto count) {
        store(y + i, apply<function>(load(x + i, count)), count);
      });
    });
  });
}

template <Pointwise function>
void map_backward(const PointwiseMapBackward& op, Workers& workers) {
  with_float(op.x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *x = op.x.as<T>(), *dy = op.dy.as<T>();
    T* dx = op.dx.as<T>();
    workers.for_each(op.x.count(), 1 << 13, [&](int64_t begin, int64_t end) {
      sweep(begin, end, [&](int64_t i, auto count) {
        store(dx + i, load(dy + i, count) * slope<function>(load(x + i, count)), count);
      });
    });
  });
}

// Calls f with the function as a compile-time constant.
template <class F>
void with_function(Pointwise function, F&& f) {
  switch (function) {
    case Pointwise::none:
      return f.template operator()<Pointwise::none>();
    case Pointwise::gelu:
      return f.template operator()<Pointwise::gelu>();
    case Pointwise::quick_gelu:
      return f.template operator()<Pointwise::quick_gelu>();
    case Pointwise::silu:
      return f.template operator()<Pointwise::silu>();
    case Pointwise::sigmoid:
      return f.template operator()<Pointwise::sigmoid>();
    case Pointwise::log_sigmoid:
      return f.template operator()<Pointwise::log_sigmoid>();
    case Pointwise::exp:
      return f.template operator()<Pointwise::exp>();
    case Pointwise::log:
      return f.template operator()<Pointwise::log>();
  }
}

}  // namespace

void run(const PointwiseMap& op, Workers& workers) {
  with_function(op.function, [&]<Pointwise function>() { map<function>(op, workers); });
}

void run(const PointwiseMapBackward& op, Workers& workers) {
  with_function(op.function, [&]<Pointwise function>() { map_backward<function>(op, workers); });
}

}  // namespace stylear::cpu
