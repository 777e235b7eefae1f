// Choosing among many floats without sorting them. No element is NaN.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "simd.h"

namespace stylear::cpu {

// Writes the lanes whose mask is set one after another and returns how many they are. May write as
// many elements as a vector has.
#if defined(STYLEAR_AVX512)
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
#elif defined(__AVX2__)
namespace detail {
// For each mask of eight lanes the numbers of those that are set, a byte each.
constexpr std::array<uint64_t, 256> lanes_set = [] {
  std::array<uint64_t, 256> table{};
  for (unsigned mask = 0; mask < 256; ++mask)
    for (unsigned lane = 0, at = 0; lane < 8; ++lane)
      if (mask >> lane & 1u) table[mask] |= uint64_t{lane} << 8 * at++;
  return table;
}();
}  // namespace detail
inline int64_t compress(int32_t* to, Int32s v, Int32s mask) {
  const int chosen = _mm256_movemask_ps(reinterpret_cast<__m256>(mask));
  const auto bytes = static_cast<int64_t>(detail::lanes_set[static_cast<size_t>(chosen)]);
  const __m256i order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes));
  const __m256i packed = _mm256_permutevar8x32_epi32(reinterpret_cast<__m256i>(v), order);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), packed);
  return std::popcount(static_cast<unsigned>(chosen));
}
inline int64_t compress(float* to, Floats v, Int32s mask) {
  return compress(reinterpret_cast<int32_t*>(to), bits_of(v), mask);
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
  Int32s found[4] = {};
  for (int64_t c = 0; c < count; c += 4 * lanes)
    for (int i = 0; i < 4; ++i)
      found[i] = load(x + c + i * lanes) >= threshold ? found[i] + 1 : found[i];
  const Int32s total = (found[0] + found[1]) + (found[2] + found[3]);
  int64_t sum = 0;
  for (int i = 0; i < lanes; ++i) sum += total[i];
  return sum;
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

// How many vectors x is padded to below.
constexpr int64_t select_vectors = 4;

// The k-th largest of x[0, count), 1 <= k <= count. Behind them x holds -infinity up to a multiple
// of select_vectors vectors. Zeros are of one sign. `spare` has room for count + lanes elements.
//
// Narrows an interval [low, high) that holds the answer by counting what lies above a threshold,
// one vectorised pass each, until few enough are left to be sorted out. The first two thresholds
// come from a sample, the rest from interpolation; where that does not halve what is left, the next
// one halves the interval's floats, so at most about 90 passes are made. Usual logits take four.
inline float kth_largest(const float* x, int64_t count, int64_t k, float* spare) {
  constexpr int64_t few = 256, sample = 256;
  const float infinity = std::numeric_limits<float>::infinity();
  Floats least = splat(infinity), most = splat(-infinity);
  for (int64_t c = 0; c + lanes <= count; c += lanes) {
    least = min(load(x + c), least);
    most = max(load(x + c), most);
  }
  float low = -max_of(-least), high = max_of(most);
  for (int64_t c = count / lanes * lanes; c < count; ++c) {
    low = std::min(low, x[c]);
    high = std::max(high, x[c]);
  }

  int64_t above_low = count, above_high = detail::count_at_least(x, count, high);
  if (above_high >= k) return high;
  const auto narrow_to = [&](float threshold) {
    const int64_t above = detail::count_at_least(x, count, threshold);
    (above >= k ? low : high) = threshold;
    (above >= k ? above_low : above_high) = above;
  };
  if (count >= 8 * sample) {
    for (int64_t i = 0; i < sample; ++i) spare[i] = x[i * (count / sample)];
    const double share = static_cast<double>(k) / static_cast<double>(count);
    const double rank = share * sample, spread = 1.5 * std::sqrt(rank * (1.0 - share) + 1.0);
    for (const double guess : {rank - spread, rank + spread}) {
      if (guess < 0 || guess >= sample) continue;
      float* at = spare + static_cast<int64_t>(guess);
      std::nth_element(spare, at, spare + sample, std::greater<>());
      if (low < *at && *at < high) narrow_to(*at);
    }
  }
  for (bool halve = false; above_low - above_high > few;) {
    if (detail::ordered(low) + int64_t{1} == detail::ordered(high)) return low;
    // Aims a little past the answer, so that the longer side of the interval is cut off.
    const int64_t between = above_low - above_high, past = std::min(few / 3, between / 4);
    const int64_t aim = k - above_high > above_low - k ? k - past : k + past;
    const double fraction = static_cast<double>(above_low - aim) / static_cast<double>(between);
    narrow_to(detail::between(low, high, fraction, halve));
    halve = !halve && 2 * (above_low - above_high) > between;
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
