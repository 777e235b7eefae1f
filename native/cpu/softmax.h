// The exponential of softmax, to base 2: scores are scaled by log2 e beforehand.
#pragma once

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

}  // namespace stylear::cpu
