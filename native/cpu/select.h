// Choosing among many floats without sorting them. No element is NaN.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "simd.h"

namespace stylear::cpu {

// Writes the lanes whose mask is set one after another and returns how many they are. May write as
// many elements as a vector has.
#if defined(__AVX512F__)
inline int64_t compress(float* to, Floats v, Int32s mask) {
  const __mmask16 chosen = _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask));
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps(chosen, v));
  return std::popcount(static_cast<unsigned>(chosen));
}
inline int64_t compress(int32_t* to, Int32s v, Int32s mask) {
  const __mmask16 chosen = _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask));
  _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(chosen, reinterpret_cast<__m512i>(v)));
  return std::popcount(static_cast<unsigned>(chosen));
}
#else
template <class T, class V>
int64_t compress(T* to, V v, Int32s mask) {
  int64_t count = 0;
  for (int i = 0; i < lanes; ++i) {
    to[count] = v[i];
    count -= mask[i];
  }
  return count;
}
#endif

namespace detail {
// Integers in the order of the floats, and back.
inline int32_t ordered(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits ^ ((bits >> 31) & INT32_MAX);
}
inline float float_ordered(int32_t key) {
  return std::bit_cast<float>(key ^ ((key >> 31) & INT32_MAX));
}

inline int64_t count_at_least(const float* x, int64_t count, float threshold) {
  Int32s negative[4] = {};
  for (int64_t c = 0; c < count; c += 4 * lanes)
    for (int i = 0; i < 4 && c + i * lanes < count; ++i)
      negative[i] += load(x + c + i * lanes) >= threshold;
  const Int32s total = (negative[0] + negative[1]) + (negative[2] + negative[3]);
  int64_t found = 0;
  for (int i = 0; i < lanes; ++i) found -= total[i];
  return found;
}

// A threshold between two others, guided by how many elements lie above them: by interpolation of
// the values, or the middle of what floats there are between them.
inline float between(float low, float high, double fraction, bool halve) {
  const int64_t low_key = ordered(low), high_key = ordered(high);
  const double guess = low + (static_cast<double>(high) - low) * fraction;
  if (halve || !std::isfinite(guess))
    return float_ordered(static_cast<int32_t>((low_key + high_key) >> 1));
  const int64_t key = ordered(static_cast<float>(guess));
  return float_ordered(static_cast<int32_t>(std::clamp(key, low_key + 1, high_key - 1)));
}
}  // namespace detail

// The k-th largest of x[0, count), 1 <= k <= count. Behind them x holds -infinity up to a whole
// vector. Zeros are of one sign. `spare` has room for count + lanes elements.
//
// Narrows an interval [low, high) that holds the answer by counting what lies above a threshold,
// one vectorised pass each, until few enough are left to be sorted out. Every other threshold
// halves the interval's floats, so at most 64 passes are made; usual logits take about six.
inline float kth_largest(const float* x, int64_t count, int64_t k, float* spare) {
  constexpr int64_t few = 128;
  const float infinity = std::numeric_limits<float>::infinity();
  Floats least = splat(infinity), most = splat(-infinity);
  for (int64_t c = 0; c + lanes <= count; c += lanes)
    least = min(load(x + c), least), most = max(load(x + c), most);
  float low = infinity, high = max_of(most);
  for (int i = 0; i < lanes; ++i) low = std::min(low, least[i]);
  for (int64_t c = count / lanes * lanes; c < count; ++c)
    low = std::min(low, x[c]), high = std::max(high, x[c]);

  int64_t above_low = count, above_high = detail::count_at_least(x, count, high);
  if (above_high >= k) return high;
  for (bool halve = false; above_low - above_high > few; halve = !halve) {
    if (detail::ordered(low) + int64_t{1} == detail::ordered(high)) return low;
    const double fraction =
        static_cast<double>(above_low - k) / static_cast<double>(above_low - above_high);
    const float threshold = detail::between(low, high, fraction, halve);
    const int64_t above = detail::count_at_least(x, count, threshold);
    (above >= k ? low : high) = threshold;
    (above >= k ? above_low : above_high) = above;
  }
  int64_t left = 0;
  for (int64_t c = 0; c < count; c += lanes) {
    const Floats v = load(x + c);
    left += compress(spare + left, v, (v >= low) & (v < high));
  }
  std::nth_element(spare, spare + (k - above_high - 1), spare + left, std::greater<>());
  return spare[k - above_high - 1];
}

}  // namespace stylear::cpu
