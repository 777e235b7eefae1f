// The vector of floats that kernels compute with, as wide as the machine's registers: 16 lanes with
// AVX-512, 8 with AVX2, 4 elsewhere. GCC's vector types give + - * / and comparisons with numbers
// and with each other, and `mask ? a : b` chooses by lane; this file adds what they lack. Functions
// on them are in simd_math.h.
//
//   for (; c + lanes <= dim; c += lanes) store(y + c, load(x + c) * r);
//   if (c < dim) store(y + c, load(x + c, dim - c) * r, dim - c);
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "../core/bf16.h"

#if defined(STYLEAR_AVX512_TWIN)
#include "avx512_twin.h"
#elif defined(__x86_64__)
#include <immintrin.h>
#endif

// Whether the level has, or imitates, the instructions.
#if defined(__AVX512F__) || defined(STYLEAR_AVX512_TWIN)
#define STYLEAR_AVX512
#endif
#if defined(__AVX512BF16__) || STYLEAR_AVX512_TWIN == 2
#define STYLEAR_AVX512BF16
#endif

namespace stylear::cpu {

#if defined(STYLEAR_AVX512)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

// True where one instruction multiplies pairs of bf16 and adds them to f32 (dot_pairs.h).
#if defined(STYLEAR_AVX512BF16)
constexpr bool has_bf16_dot = true;
#else
constexpr bool has_bf16_dot = false;
#endif

using Floats = float __attribute__((vector_size(4 * lanes)));
using Int32s = int32_t __attribute__((vector_size(4 * lanes)));
using Uint32s = uint32_t __attribute__((vector_size(4 * lanes)));
using Uint16s = uint16_t __attribute__((vector_size(2 * lanes)));  // as bf16 are stored
using Int8s = int8_t __attribute__((vector_size(lanes)));

inline Floats splat(float value) {
#if defined(STYLEAR_AVX512)
  return _mm512_set1_ps(value);
#elif defined(__AVX2__)
  return _mm256_set1_ps(value);
#else
  return Floats{value, value, value, value};
#endif
}

inline Int32s bits_of(Floats v) { return reinterpret_cast<Int32s>(v); }
inline Floats floats_of(Int32s bits) { return reinterpret_cast<Floats>(bits); }

// Between lanes as stored and as computed with. The zeroing masks leave nothing out: the forms
// without them make GCC 12 warn about its own header.
inline Uint32s words_of(Uint16s v) {
#if defined(STYLEAR_AVX512)
  return reinterpret_cast<Uint32s>(
      _mm512_maskz_cvtepu16_epi32(0xffff, reinterpret_cast<__m256i>(v)));
#elif defined(__AVX2__)
  return reinterpret_cast<Uint32s>(_mm256_cvtepu16_epi32(reinterpret_cast<__m128i>(v)));
#else
  return __builtin_convertvector(v, Uint32s);
#endif
}
inline Int32s words_of(Int8s v) {
#if defined(STYLEAR_AVX512)
  return reinterpret_cast<Int32s>(_mm512_maskz_cvtepi8_epi32(0xffff, reinterpret_cast<__m128i>(v)));
#elif defined(__AVX2__)
  return reinterpret_cast<Int32s>(
      _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(reinterpret_cast<int64_t>(v))));
#else
  return __builtin_convertvector(v, Int32s);
#endif
}
// The lower halves of the words.
inline Uint16s halves_of(Uint32s v) {
#if defined(STYLEAR_AVX512)
  return reinterpret_cast<Uint16s>(
      _mm512_maskz_cvtepi32_epi16(0xffff, reinterpret_cast<__m512i>(v)));
#else
  return __builtin_convertvector(v, Uint16s);
#endif
}

inline Floats widen(Uint16s bf16_bits) {
  return reinterpret_cast<Floats>(words_of(bf16_bits) << 16);
}
inline Floats widen(Int8s v) { return __builtin_convertvector(words_of(v), Floats); }
// To nearest, ties to even; a NaN stays a NaN.
inline Uint16s narrow(Floats v) {
  const Uint32s u = reinterpret_cast<Uint32s>(v);
  const Uint32s rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  return halves_of(v == v ? rounded : (u >> 16) | 0x40u);
}

namespace detail {
template <class V, class T>
V load_vector(const T* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
// Copies `count` elements, at most `lanes`, in pieces: a copy of a length that is not known is a
// call.
template <class T>
void copy_some(void* to, const void* from, int64_t count) {
  const auto copy = [&](int64_t elements) {
    if (!(count & elements)) return;
    const size_t bytes = static_cast<size_t>(elements) * sizeof(T);
    std::memcpy(to, from, bytes);
    to = static_cast<char*>(to) + bytes;
    from = static_cast<const char*>(from) + bytes;
  };
  if constexpr (lanes >= 8) copy(8);
  copy(4), copy(2), copy(1);
}
// The first `count` lanes from memory, the rest 0. Nothing beyond them is touched.
template <class V, class T>
V load_some(const T* from, int64_t count) {
  V v{};
  copy_some<T>(&v, from, count);
  return v;
}
}  // namespace detail

// All lanes; no alignment is asked for. bf16 and i8 are widened.
inline Floats load(const float* from) { return detail::load_vector<Floats>(from); }
inline Floats load(const bf16* from) { return widen(detail::load_vector<Uint16s>(from)); }
inline Floats load(const int8_t* from) { return widen(detail::load_vector<Int8s>(from)); }

inline void store(float* to, Floats v) { std::memcpy(to, &v, sizeof v); }
inline void store(bf16* to, Floats v) {
  const Uint16s narrowed = narrow(v);
  std::memcpy(to, &narrowed, sizeof narrowed);
}

// The first `count` lanes, 0 <= count <= lanes; a load gives 0 in the others.
#if defined(STYLEAR_AVX512)
// Always by 512-bit instructions: with -mavx512bf16, GCC 12 cannot inline the narrower masked ones.
inline __mmask16 first_lanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
inline Floats load(const float* from, int64_t count) {
  return _mm512_maskz_loadu_ps(first_lanes(count), from);
}
inline Floats load(const bf16* from, int64_t count) {
  Uint16s lower;
  const __m512i all = _mm512_maskz_loadu_epi16(first_lanes(count), from);
  std::memcpy(&lower, &all, sizeof lower);
  return widen(lower);
}
inline Floats load(const int8_t* from, int64_t count) {
  Int8s lower;
  const __m512i all = _mm512_maskz_loadu_epi8(first_lanes(count), from);
  std::memcpy(&lower, &all, sizeof lower);
  return widen(lower);
}
inline void store(float* to, Floats v, int64_t count) {
  _mm512_mask_storeu_ps(to, first_lanes(count), v);
}
inline void store(bf16* to, Floats v, int64_t count) {
  const Uint16s lower = narrow(v);
  __m512i all{};
  std::memcpy(&all, &lower, sizeof lower);
  _mm512_mask_storeu_epi16(to, first_lanes(count), all);
}
#else
inline Floats load(const float* from, int64_t count) {
#if defined(__AVX2__)
  static constexpr int32_t masks[2 * lanes] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_maskload_ps(from, detail::load_vector<__m256i>(masks + lanes - count));
#else
  return detail::load_some<Floats>(from, count);
#endif
}
inline Floats load(const bf16* from, int64_t count) {
  return widen(detail::load_some<Uint16s>(from, count));
}
inline Floats load(const int8_t* from, int64_t count) {
  return widen(detail::load_some<Int8s>(from, count));
}
inline void store(float* to, Floats v, int64_t count) { detail::copy_some<float>(to, &v, count); }
inline void store(bf16* to, Floats v, int64_t count) {
  const Uint16s narrowed = narrow(v);
  detail::copy_some<bf16>(to, &narrowed, count);
}
#endif

// One element, so that a template can treat an odd one like a vector.
inline float to_float(float value) { return value; }
inline float to_float(bf16 value) { return static_cast<float>(value); }
inline float to_float(int8_t value) { return static_cast<float>(value); }

// a * b + c, rounded once where the level has the instruction.
inline Floats fma(Floats a, Floats b, Floats c) {
#if defined(STYLEAR_AVX512)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

// By lane. Where either is NaN the result is b.
inline Floats min(Floats a, Floats b) { return a < b ? a : b; }
inline Floats max(Floats a, Floats b) { return a > b ? a : b; }

inline Floats abs(Floats v) { return floats_of(bits_of(v) & 0x7fffffff); }
// The magnitude of a with the sign of b.
inline Floats copy_sign(Floats a, Floats b) {
  return floats_of((bits_of(a) & 0x7fffffff) | (bits_of(b) & INT32_MIN));
}
inline Floats sqrt(Floats v) {
#if defined(STYLEAR_AVX512)
  return _mm512_sqrt_ps(v);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(v);
#elif defined(__SSE2__)
  return _mm_sqrt_ps(v);
#else
  for (int i = 0; i < lanes; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}

namespace detail {
using Four = float __attribute__((vector_size(16)));

// Folds the upper half onto the lower until four lanes are left.
template <class Fold>
Four fold_to_four(Floats v, Fold fold) {
#if defined(STYLEAR_AVX512)
  v = fold(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  v = fold(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
#elif defined(__AVX2__)
  v = fold(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3));
#else
  static_cast<void>(fold);
#endif
  return __builtin_shufflevector(v, v, 0, 1, 2, 3);
}
}  // namespace detail

// Of all lanes, always in the same order: by halves.
inline float sum(Floats v) {
  const detail::Four four = detail::fold_to_four(v, [](Floats a, Floats b) { return a + b; });
  return (four[0] + four[2]) + (four[1] + four[3]);
}
inline float max_of(Floats v) {
  const detail::Four four = detail::fold_to_four(v, [](Floats a, Floats b) { return max(a, b); });
  return std::max(std::max(four[0], four[2]), std::max(four[1], four[3]));
}

// The same vector, which GCC then keeps in a register as it is: it would rather load it again at
// each use, and merge what made it with what is made of it.
template <class V>
V kept(V v) {
#if defined(__x86_64__) && !defined(STYLEAR_AVX512_TWIN)
  asm("" : "+v"(v));
#endif
  return v;
}

// Asks for the cache line of an address that will be read soon; any address is allowed.
inline void prefetch(const void* address) { __builtin_prefetch(address, 0, 3); }
// The same, into the second cache only.
inline void prefetch_second(const void* address) { __builtin_prefetch(address, 0, 2); }

}  // namespace stylear::cpu
