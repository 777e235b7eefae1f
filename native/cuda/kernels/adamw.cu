#include "../../core/ops/adamw.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// What is the same for every weight of a step.
struct StepFactors {
  float rate, of_m, of_v, gradient;  // 1 / (1 - b1^t), 1 / (1 - b2^t), the clipping factor
};

// In f64, since 1 - b2^t cancels at small t.
__global__ void step_factors(const float* rate, const int32_t* step, const float* factor,
                             float beta1, float beta2, StepFactors* out) {
  const double t = step[0];
  out->rate = rate[0];
  out->of_m = static_cast<float>(1.0 / (1.0 - pow(static_cast<double>(beta1), t)));
  out->of_v = static_cast<float>(1.0 / (1.0 - pow(static_cast<double>(beta2), t)));
  out->gradient = factor ? factor[0] : 1.0f;
}

// Bounded by memory: weight, m and v read and written once, the gradient read once.
template <class G>
struct AdamWBody {
  float* weight;
  const G* grad;
  float *m, *v;
  bf16* rounded;
  const StepFactors* factors;
  float beta1, beta2, eps, decay;

  template <int n>
  __device__ void run(int64_t at) const {
    const StepFactors step = *factors;
    float w[n], g[n], a[n], b[n];
    load<n>(weight + at, w);
    load<n>(grad + at, g);
    load<n>(m + at, a);
    load<n>(v + at, b);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const float gradient = g[i] * step.gradient;
      a[i] = beta1 * a[i] + (1.0f - beta1) * gradient;
      b[i] = beta2 * b[i] + (1.0f - beta2) * gradient * gradient;
      const float direction = a[i] * step.of_m / (sqrtf(b[i] * step.of_v) + eps);
      w[i] = w[i] * (1.0f - step.rate * decay) - step.rate * direction;
    }
    store<n>(weight + at, w);
    store<n>(m + at, a);
    store<n>(v + at, b);
    if (rounded) store<n>(rounded + at, w);
  }
};

}  // namespace

void run(const AdamW& op, Stream& stream) {
  auto* factors = stream.scratch<StepFactors>(1);
  launch(stream, step_factors, 1, 1, 0, op.rate.as<float>(), op.step.as<int32_t>(),
         op.factor.as<float>(), op.beta1, op.beta2, factors);
  with_float(op.grad.dtype, [&](auto type) {
    using G = decltype(type);
    const AdamWBody<G> body{op.weight.as<float>(),
                            op.grad.as<G>(),
                            op.m.as<float>(),
                            op.v.as<float>(),
                            op.rounded.as<bf16>(),
                            factors,
                            op.beta1,
                            op.beta2,
                            op.eps,
                            op.decay};
    for_each_element(stream, op.weight.count(), aligned(op.weight, op.grad, op.m, op.v, op.rounded),
                     body);
  });
}

}  // namespace stylear::cuda
