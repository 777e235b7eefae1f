// Philox (core/philox.h) for as many counters at once as a vector holds.
#pragma once

#include "../core/philox.h"
#include "simd.h"

namespace stylear::cpu {

struct PhiloxLanes {
  Uint32s words[4];
};

namespace detail {
using Wides = uint64_t __attribute__((vector_size(4 * lanes)));

// The full products of the low halves of a's lanes.
inline Wides multiply_low_halves(Wides a, uint32_t b) {
#if defined(STYLEAR_AVX512)
  // Masked, since GCC 12 warns of the undefined vector inside the plain form.
  return reinterpret_cast<Wides>(
      _mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), _mm512_set1_epi64(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Wides>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), _mm256_set1_epi64x(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Wides>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), _mm_set1_epi64x(b)));
#else
  return (a & 0xffffffffu) * uint64_t{b};
#endif
}

// The high half of each lane in its low half; the upper half holds anything. A shuffle, since where
// products and shifts share a port shuffles have their own.
inline Wides high_halves(Wides a) {
  const auto words = reinterpret_cast<Uint32s>(a);
#if defined(STYLEAR_AVX512)
  return reinterpret_cast<Wides>(
      __builtin_shufflevector(words, words, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15));
#elif defined(__AVX2__)
  return reinterpret_cast<Wides>(__builtin_shufflevector(words, words, 1, 1, 3, 3, 5, 5, 7, 7));
#elif defined(__SSE2__)
  return reinterpret_cast<Wides>(__builtin_shufflevector(words, words, 1, 1, 3, 3));
#else
  return a >> 32;
#endif
}

// Each word in the low half of a 64-bit lane; the upper halves hold anything.
struct PhiloxHalf {
  Wides a, b, c, d;
  void round(uint32_t key_low, uint32_t key_high) {
    const Wides left = multiply_low_halves(a, 0xD2511F53u);
    const Wides right = multiply_low_halves(c, 0xCD9E8D57u);
    a = high_halves(right) ^ b ^ uint64_t { key_low };
    b = right;
    c = high_halves(left) ^ d ^ uint64_t { key_high };
    d = left;
  }
};

inline Uint32s join(Wides even, Wides odd) {
  return reinterpret_cast<Uint32s>((even & 0xffffffffu) | (odd << 32));
}
}  // namespace detail

// The words of each lane's counter (a, b, c, d). Even and odd lanes are computed apart, since a
// product of two 32-bit words fills a 64-bit lane.
inline PhiloxLanes philox(Uint32s a, Uint32s b, Uint32s c, Uint32s d, uint32_t key_low,
                          uint32_t key_high) {
  using detail::Wides;
  const auto wide = [](Uint32s v) { return reinterpret_cast<Wides>(v); };
  detail::PhiloxHalf even{wide(a), wide(b), wide(c), wide(d)};
  detail::PhiloxHalf odd{wide(a) >> 32, wide(b) >> 32, wide(c) >> 32, wide(d) >> 32};
  for (int round = 0; round < 10; ++round) {
    even.round(key_low, key_high);
    odd.round(key_low, key_high);
    key_low += 0x9E3779B9u;
    key_high += 0xBB67AE85u;
  }
  return {{detail::join(even.a, odd.a), detail::join(even.b, odd.b), detail::join(even.c, odd.c),
           detail::join(even.d, odd.d)}};
}

// uniform_of for each lane.
inline Floats uniform_of(Uint32s bits) {
  const Floats whole = __builtin_convertvector(reinterpret_cast<Int32s>(bits >> 9), Floats);
  return (whole + 0.5f) * (1.0f / 8388608.0f);
}

}  // namespace stylear::cpu
