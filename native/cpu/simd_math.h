// exp, log, erf and their kin on vectors. The largest error measured stands with each function, in
// units of the last place. Infinities and NaN give what <cmath> gives.
#pragma once

#include <limits>

#include "../core/pointwise.h"
#include "simd.h"

namespace stylear::cpu {

// c[0] + c[1] x + ... by Horner's rule.
template <int count>
Floats polynomial(Floats x, const float (&c)[count]) {
  Floats y = splat(c[count - 1]);
  for (int i = count - 2; i >= 0; --i) y = fma(y, x, splat(c[i]));
  return y;
}

// 1.1 units. Denormal results are kept.
inline Floats exp(Floats x) {
  // Where the result is 0 or infinite whatever x is.
  x = x > 89.0f ? splat(89.0f) : x;
  x = x < -104.0f ? splat(-104.0f) : x;
  // x = n ln 2 + r. Adding 1.5 * 2^23 rounds to an integer, left in the low bits.
  const float rounder = 12582912.0f;
  const Floats shifted = fma(x, splat(1.44269504f), splat(rounder));
  const Floats n = shifted - rounder;
  const Floats r = fma(n, splat(-1.42860677e-6f), fma(n, splat(-0.693145752f), x));
  const Floats tail = polynomial(r, {0.5f, 0.16666512191295624f, 0.0416661873459816f,
                                     0.008369598537683487f, 0.0013951719738543034f});
  const Floats e = fma(tail * r, r, r) + 1.0f;
  // 2^n in two factors, so that neither overflows when n is -150 or 128.
  const Int32s power = bits_of(shifted) - bits_of(splat(rounder));
  const Int32s half = power >> 1;
  return e * floats_of((half + 127) << 23) * floats_of((power - half + 127) << 23);
}

// 1 unit. Of 0: -infinity; of a negative number: NaN.
inline Floats log(Floats x) {
  const Int32s denormal = x < std::numeric_limits<float>::min();
  const Floats scaled = denormal ? x * 8388608.0f : x;  // 2^23
  // x = 2^n m, m in [sqrt(1/2), sqrt 2).
  const Int32s shifted = bits_of(scaled) - 0x3f3504f3;
  const Int32s n = (shifted >> 23) - (denormal ? Int32s{} + 23 : Int32s{});
  const Floats m = floats_of((shifted & 0x7fffff) + 0x3f3504f3);
  const Floats f = m - 1.0f;
  const Floats tail =
      polynomial(f, {0.33333316445350647f, -0.25000810623168945f, 0.2000228613615036f,
                     -0.16624553501605988f, 0.14181192219257355f, -0.13128754496574402f,
                     0.12881648540496826f, -0.07859615236520767f});
  const Floats power = __builtin_convertvector(n, Floats);
  const Floats square = f * f;
  Floats y = fma(tail * f, square, power * 1.42860677e-6f);
  y = fma(square, splat(-0.5f), y) + f;
  y = fma(power, splat(0.693145752f), y);
  const float infinity = std::numeric_limits<float>::infinity();
  y = x == infinity ? x : y;
  y = x == 0.0f ? splat(-infinity) : y;
  return x < 0.0f || x != x ? splat(std::numeric_limits<float>::quiet_NaN()) : y;
}

namespace detail {
// exp(z^2) erfc(z) for z in [0, 10.5].
inline Floats scaled_erfc(Floats z) {
  const Floats t = 1.0f / fma(z, splat(0.4f), splat(1.0f));
  return t * polynomial(t, {0.2257036715745926f, 0.22501526772975922f, 0.21439078450202942f,
                            0.13215623795986176f, 0.2648743689060211f, -0.27092403173446655f,
                            0.5312275290489197f, -0.4866289496421814f, 0.1928219497203827f,
                            -0.028636813163757324f});
}
// exp(-scale x^2) for a scale that is a power of 2, with what rounding took from the square put
// back.
inline Floats exp_minus_square(Floats x, float scale) {
  const Floats square = x * x;
  const Floats lost = fma(x, x, -square);
  const Floats e = exp(-scale * square);
  return fma(e, -scale * lost, e);
}
}  // namespace detail

// 2.4 units.
inline Floats erf(Floats x) {
  const Floats z = abs(x);
  const Floats square = x * x;
  const Floats small =
      x * polynomial(square, {1.1283791065216064f, -0.3761262595653534f, 0.11283600330352783f,
                              -0.026854444295167923f, 0.005189535673707724f,
                              -0.0008020842215046287f, 7.889122935011983e-05f});
  const Floats within = z > 4.0f ? splat(4.0f) : z;  // beyond 4 it is 1
  const Floats large = 1.0f - detail::scaled_erfc(within) * detail::exp_minus_square(within, 1.0f);
  return z < 1.0f ? small : copy_sign(large, x);
}

// The normal distribution function: (1 + erf(x / sqrt 2)) / 2, 6 units, also in the lower
// tail (there 70 without fused multiply-add).
inline Floats normal_cdf(Floats x) {
  const Floats within = abs(x) > 14.5f ? splat(14.5f) : x;  // beyond it is 0 or 1
  const Floats tail = 0.5f * detail::scaled_erfc(abs(within) * 0.70710678f) *
                      detail::exp_minus_square(within, 0.5f);
  return x < 0.0f ? tail : 1.0f - tail;
}

// 2.4 units.
inline Floats sigmoid(Floats x) { return 1.0f / (1.0f + exp(-x)); }

// log(1 + u) for u in [0, 1], also where 1 + u rounds away most of u (Kahan's correction).
inline Floats log_1_plus(Floats u) {
  const Floats y = 1.0f + u;
  return log(y) - ((y - 1.0f) - u) / y;
}

template <Pointwise function>
Floats apply(Floats x) {
  if constexpr (function == Pointwise::gelu) return x * normal_cdf(x);
  if constexpr (function == Pointwise::quick_gelu) return x * sigmoid(1.702f * x);
  if constexpr (function == Pointwise::silu) return x * sigmoid(x);
  if constexpr (function == Pointwise::sigmoid) return sigmoid(x);
  if constexpr (function == Pointwise::log_sigmoid)
    return (x < 0.0f ? x : Floats{}) - log_1_plus(exp(-abs(x)));
  if constexpr (function == Pointwise::exp) return exp(x);
  if constexpr (function == Pointwise::log) return log(x);
  return x;
}

inline Floats apply(Pointwise function, Floats x) {
  switch (function) {
    case Pointwise::none:
      return x;
    case Pointwise::gelu:
      return apply<Pointwise::gelu>(x);
    case Pointwise::quick_gelu:
      return apply<Pointwise::quick_gelu>(x);
    case Pointwise::silu:
      return apply<Pointwise::silu>(x);
    case Pointwise::sigmoid:
      return apply<Pointwise::sigmoid>(x);
    case Pointwise::log_sigmoid:
      return apply<Pointwise::log_sigmoid>(x);
    case Pointwise::exp:
      return apply<Pointwise::exp>(x);
    case Pointwise::log:
      return apply<Pointwise::log>(x);
  }
  return x;
}

}  // namespace stylear::cpu
