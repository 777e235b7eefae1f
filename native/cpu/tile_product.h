// Products of tiles that are small enough for the inner caches, from which attention and
// convolutions by squares (winograd.h) are made: c[m][n] = start + sum over k of a(m, k) b[k][n],
// in f32. Lanes run along n, so b and c are read in vectors and a element by element; no tile has
// to be packed for it. m is a multiple of product_rows, n of `lanes`: tiles are padded, never cut.
// Sums run over k in order, so an element's bits depend on its row of a and its column of b alone.
// With `pairs` an element of a and of b is a word of two bf16 that follow each other along k, and k
// counts words (dot_pairs.h).
#pragma once

#include "dot_pairs.h"

namespace stylear::cpu {

// Rows of c that are kept in registers, two vectors each.
constexpr int64_t product_rows = lanes == 16 ? 8 : 6;

constexpr int64_t round_up(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

// How a(m, k) lies in memory: a[m * stride + k], or a[k * stride + m].
enum class Lay { rows, columns };

// What c starts from: zero, what it holds, or what it holds times factor[n].
enum class Start { zero, held, scaled };

namespace detail {

template <bool pairs, Lay lay, Start start, int vectors>
inline void product_block(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                          int64_t depth, float* c, int64_t c_stride, const float* factor) {
  Floats sums[product_rows][vectors];
#pragma GCC unroll 8
  for (int m = 0; m < product_rows; ++m)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      sums[m][v] = Floats{};
      if constexpr (start != Start::zero) sums[m][v] = load(c + m * c_stride + v * lanes);
      if constexpr (start == Start::scaled) sums[m][v] *= load(factor + v * lanes);
    }
  for (int64_t k = 0; k < depth; ++k, b += b_stride) {
    Floats row[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) row[v] = load(b + v * lanes);
#pragma GCC unroll 8
    for (int m = 0; m < product_rows; ++m) {
      const Floats element = splat(lay == Lay::rows ? a[m * a_stride + k] : a[k * a_stride + m]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v)
        sums[m][v] =
            pairs ? dot_pairs(element, row[v], sums[m][v]) : fma(element, row[v], sums[m][v]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < product_rows; ++m)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) store(c + m * c_stride + v * lanes, sums[m][v]);
}

}  // namespace detail

// c is [rows, columns] with rows c_stride apart; so is b [depth, columns].
template <bool pairs, Lay lay, Start start>
void tile_product(const float* a, int64_t a_stride, const float* b, int64_t b_stride, float* c,
                  int64_t c_stride, int64_t rows, int64_t columns, int64_t depth,
                  const float* factor = nullptr) {
  for (int64_t m = 0; m < rows; m += product_rows) {
    const float* at = a + (lay == Lay::rows ? m * a_stride : m);
    float* to = c + m * c_stride;
    int64_t n = 0;
    for (; n + 2 * lanes <= columns; n += 2 * lanes)
      detail::product_block<pairs, lay, start, 2>(at, a_stride, b + n, b_stride, depth, to + n,
                                                  c_stride, factor + n);
    if (n < columns)
      detail::product_block<pairs, lay, start, 1>(at, a_stride, b + n, b_stride, depth, to + n,
                                                  c_stride, factor + n);
  }
}

}  // namespace stylear::cpu
