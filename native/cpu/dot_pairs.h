// The one place where the level with bf16 instructions computes differently.
#pragma once

#include "simd.h"

namespace stylear::cpu {

// sum + a.even * b.even + a.odd * b.odd, where each lane of a and b holds two bf16, the even one in
// its lower half. The instruction adds the odd products first and flushes denormals; the last bit
// may differ from what the other levels compute here.
inline Floats dot_pairs(Floats a, Floats b, Floats sum) {
#if defined(STYLEAR_AVX512BF16)
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
#else
  const auto odd = [](Floats v) { return floats_of(bits_of(v) & static_cast<int>(0xffff0000)); };
  const auto even = [](Floats v) { return floats_of(bits_of(v) << 16); };
  return fma(even(a), even(b), fma(odd(a), odd(b), sum));
#endif
}

// The pairs that dot_pairs multiplies, rounded to nearest even. NaN stays NaN.
inline Floats pack_pairs(Floats even, Floats odd) {
  const Uint32s low = __builtin_convertvector(narrow(even), Uint32s);
  const Uint32s high = __builtin_convertvector(narrow(odd), Uint32s);
  return reinterpret_cast<Floats>(low | high << 16);
}

// The lanes of `first`, then those of `second`, as pairs of neighbours.
inline Floats pairs_in_order(Floats first, Floats second) {
#if defined(STYLEAR_AVX512BF16)
  return reinterpret_cast<Floats>(_mm512_cvtne2ps_pbh(second, first));
#else
  Floats pairs;
  bf16 narrowed[2 * lanes];
  store(narrowed, first), store(narrowed + lanes, second);
  std::memcpy(&pairs, narrowed, sizeof pairs);
  return pairs;
#endif
}

}  // namespace stylear::cpu
