#include "../../core/ops/swiglu.h"

#include "../dispatch.h"
#include "../run.h"
#include "../simd_math.h"
#include "../sweep.h"
#include "../workers.h"

namespace stylear::cpu {

void run(const SwiGlu& op, Workers& workers) {
  with_float(op.gate.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *gate = op.gate.as<T>(), *up = op.up.as<T>();
    T* y = op.y.as<T>();
    workers.for_each(op.gate.count(), 1 << 13, [&](int64_t begin, int64_t end) {
      sweep(begin, end, [&](int64_t i, auto count) {
        store(y + i, apply<Pointwise::silu>(load(gate + i, count)) * load(up + i, count), count);
      });
    });
  });
}

// With s = sigmoid(gate): dup = dy gate s, dgate = dy up (s + gate s (1 - s)).
void run(const SwiGluBackward& op, Workers& workers) {
  with_float(op.gate.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *gate = op.gate.as<T>(), *up = op.up.as<T>(), *dy = op.dy.as<T>();
    T *dgate = op.dgate.as<T>(), *dup = op.dup.as<T>();
    workers.for_each(op.gate.count(), 1 << 13, [&](int64_t begin, int64_t end) {
      sweep(begin, end, [&](int64_t i, auto count) {
        const Floats g = load(gate + i, count), d = load(dy + i, count), s = sigmoid(g);
        const Floats slope = s + g * s * (1.0f - s);
        const Floats u = load(up + i, count);
        store(dup + i, d * g * s, count);
        store(dgate + i, d * u * slope, count);
      });
    });
  });
}

}  // namespace stylear::cpu
