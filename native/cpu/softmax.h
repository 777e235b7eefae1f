// The exponential of softmax, to base 2, with log2 e as part of the scale of the scores.
#pragma once

#include <limits>

#include "simd.h"

namespace stylear::cpu {

constexpr float log2_e = 1.44269504f, ln_2 = 0.693147181f;

// 2^x for x <= 0, within 2 units of the last place; 0 below 2^-126. NaN stays NaN.
inline Floats exp2_not_positive(Floats x) {
  x = max(splat(-127.0f), x);
  const float rounder = 12582912.0f + 127.0f;  // leaves the exponent's bits of 2^n in the low bits
  const Floats shifted = x + rounder;
  const Floats r = x - (shifted - rounder);
  Floats y = splat(1.54531630e-4f);
  y = fma(y, r, splat(1.33908634e-3f));
  y = fma(y, r, splat(9.61808256e-3f));
  y = fma(y, r, splat(5.55035711e-2f));
  y = fma(y, r, splat(2.40226508e-1f));
  y = fma(y, r, splat(6.93147188e-1f));
  y = fma(y, r, splat(1.0f));
  return y * floats_of(bits_of(shifted) << 23);
}

// What scores are multiplied by on their way into exp2, and the score of a key that is not seen,
// which that makes -infinity. A scale of 0 is one that leaves nothing of finite scores.
struct ScoreScale {
  float factor, hidden;
  explicit ScoreScale(float scale)
      : factor(scale == 0.0f ? std::numeric_limits<float>::min() : scale * log2_e),
        hidden(scale < 0.0f ? std::numeric_limits<float>::infinity()
                            : -std::numeric_limits<float>::infinity()) {}
};

}  // namespace stylear::cpu
