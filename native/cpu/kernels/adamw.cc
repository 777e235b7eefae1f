#include "../../core/ops/adamw.h"

#include <cmath>

#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// What is the same for every element of one step.
struct Step {
  float rate, factor, beta1, beta2, eps, keep;  // keep = 1 - rate * decay
  float m_scale, v_scale;                       // 1 / (1 - beta^t)
};

Step step_of(const AdamW& op) {
  const float rate = *op.rate.as<float>();
  const double t = *op.step.as<int32_t>();
  if (t < 1)
    throw Error("ERR_VALUE", "adamw: expected step to be at least 1, got " +
                                 std::to_string(*op.step.as<int32_t>()));
  return {rate,
          op.factor.present() ? *op.factor.as<float>() : 1.0f,
          op.beta1,
          op.beta2,
          op.eps,
          1.0f - rate * op.decay,
          static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(op.beta1), t))),
          static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(op.beta2), t)))};
}

template <class G>
void update(const AdamW& op, const Step& s, int64_t begin, int64_t end) {
  float* __restrict weight = op.weight.as<float>();
  float* __restrict m = op.m.as<float>();
  float* __restrict v = op.v.as<float>();
  const G* __restrict grad = op.grad.as<G>();
  for (int64_t i = begin; i < end; ++i) {
    const float g = static_cast<float>(grad[i]) * s.factor;
    m[i] = s.beta1 * m[i] + (1.0f - s.beta1) * g;
    v[i] = s.beta2 * v[i] + (1.0f - s.beta2) * g * g;
    weight[i] =
        weight[i] * s.keep - s.rate * (m[i] * s.m_scale) / (std::sqrt(v[i] * s.v_scale) + s.eps);
  }
  if (!op.rounded.present()) return;
  bf16* rounded = op.rounded.as<bf16>();
  for (int64_t i = begin; i < end; ++i) rounded[i] = bf16(weight[i]);
}

}  // namespace

void run(const AdamW& op, Workers& workers) {
  const Step step = step_of(op);
  workers.for_each(op.weight.count(), 1 << 13, [&](int64_t begin, int64_t end) {
    with_float(op.grad.dtype, [&](auto zero) { update<decltype(zero)>(op, step, begin, end); });
  });
}

}  // namespace stylear::cpu
