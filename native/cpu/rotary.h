// The rotation of rotary embeddings (core/ops/rope.h), shared by the ops that apply it.
#pragma once

#include <cmath>

#include "simd.h"

namespace stylear::cpu {

// theta^(-2i / headDim) for the headDim / 2 pairs of a head.
inline void rotary_frequencies(float theta, int64_t pairs, float* frequencies) {
  const double step = -std::log2(static_cast<double>(theta)) / static_cast<double>(pairs);
  for (int64_t i = 0; i < pairs; ++i)
    frequencies[i] = static_cast<float>(std::exp2(step * static_cast<double>(i)));
}

// Both to about a unit of the last place. The angle is reduced by multiples of pi / 2 in f64, which
// is exact enough for every i32 position; the polynomials are minimax on [-pi / 4, pi / 4].
inline void sine_cosine(float angle, float& sine, float& cosine) {
  const double rounder = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  const double turns = angle * 0.63661977236758134 + rounder;
  const double n = turns - rounder;
  const auto r = static_cast<float>((angle - n * 1.57079632679489656) - n * 6.123233995736766e-17);
  const auto quarter = static_cast<int32_t>(n - 4.0 * std::floor(n * 0.25));
  const float z = r * r;
  const float s = r + r * z * (-1.6666654611e-1f + z * (8.3321608736e-3f + z * -1.9515295891e-4f));
  const float c =
      1.0f - 0.5f * z +
      z * z * (4.166664568298827e-2f + z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
  const bool swapped = quarter & 1;
  sine = swapped ? c : s;
  cosine = swapped ? s : c;
  sine = quarter & 2 ? -sine : sine;
  cosine = (quarter + 1) & 2 ? -cosine : cosine;
}

// Cosines and sines of one position, rounded to T as the op says.
template <class T>
void rotary_angles(int32_t position, const float* frequencies, int64_t pairs, bool inverse,
                   float* cosines, float* sines) {
  const auto p = static_cast<float>(position);
#pragma omp simd
  for (int64_t i = 0; i < pairs; ++i) {
    float sine, cosine;
    sine_cosine(p * frequencies[i], sine, cosine);
    cosines[i] = to_float(T(cosine));
    sines[i] = to_float(T(inverse ? -sine : sine));
  }
}

// One head; y may be x.
template <class X, class Y>
void rotate_head(const X* x, Y* y, int64_t pairs, const float* cosines, const float* sines) {
  int64_t i = 0;
  for (; i + lanes <= pairs; i += lanes) {
    const Floats a = load(x + i), b = load(x + pairs + i);
    const Floats c = load(cosines + i), s = load(sines + i);
    store(y + i, a * c - b * s);
    store(y + pairs + i, b * c + a * s);
  }
  for (; i < pairs; ++i) {
    const float a = to_float(x[i]), b = to_float(x[pairs + i]);
    y[i] = Y(a * cosines[i] - b * sines[i]);
    y[pairs + i] = Y(b * cosines[i] + a * sines[i]);
  }
}

}  // namespace stylear::cpu
