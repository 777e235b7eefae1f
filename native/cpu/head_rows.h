// Rows of one head as attention reads and writes them: strided in memory, side by side in tiles. A
// tile is an operand of tile_product: its depth runs along the head or along the rows, and where
// the machine multiplies pairs of bf16 a word holds two elements that follow each other in depth.
#pragma once

#include <algorithm>

#include "dot_pairs.h"

namespace stylear::cpu {

// Rows of one head in memory, `stride` elements apart.
template <class T>
struct HeadRows {
  const T* data;
  int64_t stride;
  const T* row(int64_t i) const { return data + i * stride; }
  HeadRows from(int64_t i) const { return {row(i), stride}; }
};

// Whether tiles of T hold pairs.
template <class T>
constexpr bool tiles_hold_pairs = has_bf16_dot && sizeof(T) == sizeof(bf16);

// The words of `elements` that follow each other in depth; a pair is filled up with 0.
template <bool pairs>
constexpr int64_t words(int64_t elements) {
  return pairs ? (elements + 1) / 2 : elements;
}

namespace detail {
template <class T>
Floats load_columns(const T* row, int64_t c, int64_t dim) {
  return c + lanes <= dim ? load(row + c) : load(row + c, dim - c);
}
}  // namespace detail

// A tile [rows][words along the head], rows `to_stride` apart; rows from `count` to `padded` are 0.
template <bool pairs, class T>
void load_rows(HeadRows<T> from, int64_t count, int64_t padded, int64_t dim, float* to,
               int64_t to_stride) {
  for (int64_t i = 0; i < count; ++i, to += to_stride) {
    if constexpr (pairs) {
      to[words<true>(dim) - 1] = 0.0f;
      std::memcpy(to, from.row(i), static_cast<size_t>(dim) * sizeof(T));
    } else {
      for (int64_t c = 0; c < dim; c += lanes)
        store(to + c, detail::load_columns(from.row(i), c, dim), std::min<int64_t>(lanes, dim - c));
    }
  }
  for (int64_t i = count; i < padded; ++i, to += to_stride)
    std::fill_n(to, words<pairs>(dim), 0.0f);
}

// A tile [words along the rows][dim].
template <bool pairs, class T>
void load_rows_down(HeadRows<T> from, int64_t count, int64_t dim, float* to, int64_t to_stride) {
  if constexpr (!pairs) return load_rows<false>(from, count, count, dim, to, to_stride);
  for (int64_t i = 0; i < count; i += 2, to += to_stride)
    for (int64_t c = 0; c < dim; c += lanes) {
      const Floats even = detail::load_columns(from.row(i), c, dim);
      const Floats odd = i + 1 < count ? detail::load_columns(from.row(i + 1), c, dim) : Floats{};
      store(to + c, pack_pairs(even, odd), std::min<int64_t>(lanes, dim - c));
    }
}

// From f32 rows to rows of T: to[i] = from[i] * factor.
template <class T>
void store_rows(const float* from, int64_t from_stride, int64_t count, int64_t dim, float factor,
                T* to, int64_t to_stride) {
  for (int64_t i = 0; i < count; ++i) {
    const float* wide = from + i * from_stride;
    T* row = to + i * to_stride;
    int64_t c = 0;
    for (; c + lanes <= dim; c += lanes) store(row + c, load(wide + c) * factor);
    if (c < dim) store(row + c, load(wide + c, dim - c) * factor, dim - c);
  }
}

// Whether a row holds neither infinity nor NaN: x - x is 0 for every other number.
template <class T>
bool row_is_finite(const T* row, int64_t dim) {
  Floats zeros{};
  for (int64_t c = 0; c < dim; c += lanes) {
    const Floats x = detail::load_columns(row, c, dim);
    zeros += x - x;
  }
  return sum(zeros) == 0.0f;
}

// Of two rows, in one fixed order.
template <class T>
float row_product(const T* a, const T* b, int64_t dim) {
  Floats total{};
  for (int64_t c = 0; c < dim; c += lanes)
    total = fma(detail::load_columns(a, c, dim), detail::load_columns(b, c, dim), total);
  return sum(total);
}

}  // namespace stylear::cpu
