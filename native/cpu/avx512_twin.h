// The AVX-512 instructions that this device uses, each as functions of AVX2: with them the levels
// of 16 lanes run, slowly, on processors that have 8, so that what they compute is tested there.
// Only libraries with STYLEAR_AVX512_TWIN include this (CMakeLists.txt); a value of 2 means with
// bf16.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#error "expected a level that is compiled for AVX2"
#endif

namespace stylear::cpu::twin {

template <class T, int count>
using Vector __attribute__((vector_size(count * sizeof(T)))) = T;

// f(0) and f(1), 256 bits each, beside each other.
template <class V, class F>
V by_halves(F&& f) {
  const auto low = f(0), high = f(1);
  static_assert(sizeof(V) == 2 * sizeof low);
  V v;
  std::memcpy(&v, &low, sizeof low);
  std::memcpy(reinterpret_cast<char*>(&v) + sizeof low, &high, sizeof high);
  return v;
}
template <class Half, class V>
Half half(const V& v, int which) {
  Half part;
  std::memcpy(&part, reinterpret_cast<const char*>(&v) + which * sizeof part, sizeof part);
  return part;
}

// Element by element, where the mask is set; the others are 0, or stay what they are in memory.
template <class T, class V>
V load_masked(uint64_t mask, const void* from) {
  T elements[sizeof(V) / sizeof(T)] = {};
  for (size_t i = 0; i < sizeof(V) / sizeof(T); ++i)
    if (mask >> i & 1u) std::memcpy(elements + i, static_cast<const T*>(from) + i, sizeof(T));
  V v;
  std::memcpy(&v, elements, sizeof v);
  return v;
}
template <class T, class V>
void store_masked(void* to, uint64_t mask, const V& v) {
  T elements[sizeof(V) / sizeof(T)];
  std::memcpy(elements, &v, sizeof v);
  for (size_t i = 0; i < sizeof(V) / sizeof(T); ++i)
    if (mask >> i & 1u) std::memcpy(static_cast<T*>(to) + i, elements + i, sizeof(T));
}
// Those where the mask is set, one after another.
template <class T, class V>
V compress_masked(uint64_t mask, const V& v) {
  T elements[sizeof(V) / sizeof(T)], chosen[sizeof(V) / sizeof(T)] = {};
  std::memcpy(elements, &v, sizeof v);
  for (size_t i = 0, at = 0; i < sizeof(V) / sizeof(T); ++i)
    if (mask >> i & 1u) chosen[at++] = elements[i];
  V packed;
  std::memcpy(&packed, chosen, sizeof packed);
  return packed;
}

inline __m512 set1_ps(float value) {
  return by_halves<__m512>([&](int) { return _mm256_set1_ps(value); });
}
inline __m512i set1_epi64(int64_t value) {
  return by_halves<__m512i>([&](int) { return _mm256_set1_epi64x(value); });
}
inline __m512 fmadd_ps(__m512 a, __m512 b, __m512 c) {
  return by_halves<__m512>([&](int i) {
    return _mm256_fmadd_ps(half<__m256>(a, i), half<__m256>(b, i), half<__m256>(c, i));
  });
}
inline __m512 sqrt_ps(__m512 v) {
  return by_halves<__m512>([&](int i) { return _mm256_sqrt_ps(half<__m256>(v, i)); });
}
// Called with masks that leave nothing out.
inline __m512i maskz_cvtepu16_epi32(__mmask16, __m256i v) {
  return by_halves<__m512i>([&](int i) { return _mm256_cvtepu16_epi32(half<__m128i>(v, i)); });
}
inline __m512i maskz_cvtepi8_epi32(__mmask16, __m128i v) {
  return by_halves<__m512i>(
      [&](int i) { return _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(half<int64_t>(v, i))); });
}
inline __m256i maskz_cvtepi32_epi16(__mmask16, __m512i v) {
  const auto halves =
      __builtin_convertvector(reinterpret_cast<Vector<uint32_t, 16>>(v), Vector<uint16_t, 16>);
  return reinterpret_cast<__m256i>(halves);
}
inline __m512i maskz_mul_epu32(__mmask8, __m512i a, __m512i b) {
  return by_halves<__m512i>(
      [&](int i) { return _mm256_mul_epu32(half<__m256i>(a, i), half<__m256i>(b, i)); });
}

inline __mmask16 movepi32_mask(__m512i v) {
  const auto bits = [&](int i) {
    return static_cast<unsigned>(_mm256_movemask_ps(half<__m256>(v, i)));
  };
  return static_cast<__mmask16>(bits(0) | bits(1) << 8);
}
inline __m512 maskz_compress_ps(__mmask16 mask, __m512 v) {
  return compress_masked<float>(mask, v);
}
inline __m512i maskz_compress_epi32(__mmask16 mask, __m512i v) {
  return compress_masked<int32_t>(mask, v);
}

inline __m512 maskz_loadu_ps(__mmask16 mask, const void* from) {
  return load_masked<float, __m512>(mask, from);
}
inline __m512i maskz_loadu_epi16(__mmask32 mask, const void* from) {
  return load_masked<int16_t, __m512i>(mask, from);
}
inline __m512i maskz_loadu_epi8(__mmask64 mask, const void* from) {
  return load_masked<int8_t, __m512i>(mask, from);
}
inline void storeu_ps(void* to, __m512 v) { std::memcpy(to, &v, sizeof v); }
inline void storeu_si512(void* to, __m512i v) { std::memcpy(to, &v, sizeof v); }
inline void mask_storeu_ps(void* to, __mmask16 mask, __m512 v) { store_masked<float>(to, mask, v); }
inline void mask_storeu_epi16(void* to, __mmask32 mask, __m512i v) {
  store_masked<int16_t>(to, mask, v);
}

// Denormals are taken, and given, as 0 (Intel 64 manual, VDPBF16PS).
inline float flushed(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}
inline __m512 dpbf16_ps(__m512 sum, __m512bh a, __m512bh b) {
  float sums[16];
  uint32_t of_a[16], of_b[16];
  std::memcpy(sums, &sum, sizeof sums);
  std::memcpy(of_a, &a, sizeof of_a), std::memcpy(of_b, &b, sizeof of_b);
  const auto widened = [](uint32_t bits) { return flushed(std::bit_cast<float>(bits)); };
  for (int i = 0; i < 16; ++i) {
    const uint32_t high = 0xffff0000u;
    sums[i] = flushed(std::fma(widened(of_a[i] & high), widened(of_b[i] & high), flushed(sums[i])));
    sums[i] = flushed(std::fma(widened(of_a[i] << 16), widened(of_b[i] << 16), sums[i]));
  }
  std::memcpy(&sum, sums, sizeof sum);
  return sum;
}
// The lanes of `first` below those of `second`.
inline __m512bh cvtne2ps_pbh(__m512 second, __m512 first) {
  float values[32];
  std::memcpy(values, &first, sizeof first), std::memcpy(values + 16, &second, sizeof second);
  uint16_t narrowed[32];
  for (int i = 0; i < 32; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(flushed(values[i]));
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    narrowed[i] = static_cast<uint16_t>(is_nan ? bits >> 16 | 0x40u : rounded);
  }
  __m512bh pairs;
  std::memcpy(&pairs, narrowed, sizeof pairs);
  return pairs;
}

}  // namespace stylear::cpu::twin

#define _mm512_set1_ps stylear::cpu::twin::set1_ps
#define _mm512_set1_epi64 stylear::cpu::twin::set1_epi64
#define _mm512_fmadd_ps stylear::cpu::twin::fmadd_ps
#define _mm512_sqrt_ps stylear::cpu::twin::sqrt_ps
#define _mm512_maskz_cvtepu16_epi32 stylear::cpu::twin::maskz_cvtepu16_epi32
#define _mm512_maskz_cvtepi8_epi32 stylear::cpu::twin::maskz_cvtepi8_epi32
#define _mm512_maskz_cvtepi32_epi16 stylear::cpu::twin::maskz_cvtepi32_epi16
#define _mm512_maskz_mul_epu32 stylear::cpu::twin::maskz_mul_epu32
#define _mm512_movepi32_mask stylear::cpu::twin::movepi32_mask
#define _mm512_maskz_compress_ps stylear::cpu::twin::maskz_compress_ps
#define _mm512_maskz_compress_epi32 stylear::cpu::twin::maskz_compress_epi32
#define _mm512_maskz_loadu_ps stylear::cpu::twin::maskz_loadu_ps
#define _mm512_maskz_loadu_epi16 stylear::cpu::twin::maskz_loadu_epi16
#define _mm512_maskz_loadu_epi8 stylear::cpu::twin::maskz_loadu_epi8
#define _mm512_storeu_ps stylear::cpu::twin::storeu_ps
#define _mm512_storeu_si512 stylear::cpu::twin::storeu_si512
#define _mm512_mask_storeu_ps stylear::cpu::twin::mask_storeu_ps
#define _mm512_mask_storeu_epi16 stylear::cpu::twin::mask_storeu_epi16
#define _mm512_dpbf16_ps stylear::cpu::twin::dpbf16_ps
#define _mm512_cvtne2ps_pbh stylear::cpu::twin::cvtne2ps_pbh
