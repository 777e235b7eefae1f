// Transposition of tiles through registers.
#pragma once

#include "simd.h"

namespace stylear::cpu {

namespace detail {
// a0 b0 a1 b1 ... of the lower, of the upper halves.
inline Floats interleave_low(Floats a, Floats b) {
#if defined(STYLEAR_AVX512)
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}
inline Floats interleave_high(Floats a, Floats b) {
#if defined(STYLEAR_AVX512)
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}
}  // namespace detail

// A square of `lanes` rows: what was lane j of row i becomes lane i of row j.
#if defined(__AVX2__) && !defined(STYLEAR_AVX512)
// AVX2 shuffles within halves: squares of two, then of four, then whole halves change places. That
// takes 24 instructions, where interleaving takes 48.
inline void transpose(Floats (&rows)[lanes]) {
  Floats next[lanes];
#pragma GCC unroll 4
  for (int i = 0; i < lanes; i += 2) {
    next[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    next[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  Floats fours[lanes];
#pragma GCC unroll 2
  for (int i = 0; i < lanes; i += 4)
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const Floats a = next[i + j], b = next[i + j + 2];
      fours[i + 2 * j] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      fours[i + 2 * j + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
  for (int i = 0; i < lanes / 2; ++i) {
    const Floats a = fours[i], b = fours[i + 4];
    rows[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    rows[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}
#else
// Interleaving row i with row i + lanes / 2 moves one bit of the row number into the lane number;
// log2(lanes) times do all.
inline void transpose(Floats (&rows)[lanes]) {
#pragma GCC unroll 4
  for (int bit = 1; bit < lanes; bit *= 2) {
    Floats next[lanes];
#pragma GCC unroll 8
    for (int i = 0; i < lanes / 2; ++i) {
      next[2 * i] = detail::interleave_low(rows[i], rows[i + lanes / 2]);
      next[2 * i + 1] = detail::interleave_high(rows[i], rows[i + lanes / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) rows[i] = next[i];
  }
}
#endif

// Lane j is the sum over the lanes of rows[j], added in one fixed tree.
inline Floats sum_each(Floats (&rows)[lanes]) {
#pragma GCC unroll 4
  for (int half = lanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i)
      rows[i] = detail::interleave_low(rows[i], rows[i + half]) +
                detail::interleave_high(rows[i], rows[i + half]);
  return rows[0];
}

// to[c][r] = from[r][c] for r < rows, c < columns; zero for r from `rows` up to whole vectors, for
// which `to` has room. Moves words and looks at none.
inline void transpose_in(const float* from, int64_t from_stride, int64_t rows, int64_t columns,
                         float* to, int64_t to_stride) {
  for (int64_t r = 0; r < rows; r += lanes)
    for (int64_t c = 0; c < columns; c += lanes) {
      const int64_t high = std::min<int64_t>(lanes, rows - r);
      const int64_t wide = std::min<int64_t>(lanes, columns - c);
      Floats square[lanes] = {};
      const float* at = from + r * from_stride + c;
      if (high == lanes && wide == lanes)
        for (int i = 0; i < lanes; ++i) square[i] = load(at + i * from_stride);
      else
        for (int i = 0; i < high; ++i) square[i] = load(at + i * from_stride, wide);
      transpose(square);
      for (int j = 0; j < wide; ++j) store(to + (c + j) * to_stride + r, square[j]);
    }
}

// to[r][c] = from[c][r] * factor[r] for r < rows, c < columns. `from` has whole vectors in r and in
// c.
template <class T>
void transpose_out(const float* from, int64_t from_stride, int64_t rows, int64_t columns,
                   const float* factor, T* to, int64_t to_stride) {
  for (int64_t r = 0; r < rows; r += lanes)
    for (int64_t c = 0; c < columns; c += lanes) {
      const int64_t high = std::min<int64_t>(lanes, rows - r);
      const int64_t wide = std::min<int64_t>(lanes, columns - c);
      Floats square[lanes] = {};
      for (int j = 0; j < wide; ++j)
        square[j] = load(from + (c + j) * from_stride + r) * load(factor + r);
      transpose(square);
      T* at = to + r * to_stride + c;
      if (wide == lanes)
        for (int i = 0; i < high; ++i) store(at + i * to_stride, square[i]);
      else
        for (int i = 0; i < high; ++i) store(at + i * to_stride, square[i], wide);
    }
}

}  // namespace stylear::cpu
