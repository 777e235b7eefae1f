// Rows of one head as attention reads and writes them: strided in memory, side by side in tiles. A
// tile is an operand of tile_product: its depth runs along the head or along the rows, and where
// the machine multiplies pairs of bf16 a word holds two elements that follow each other in depth.
#pragma once

#include <algorithm>

#include "dot_pairs.h"
#include "sweep.h"

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

// A tile [rows][words along the head], rows `to_stride` apart; rows from `count` to `padded` are 0.
template <bool pairs, class T>
void load_rows(HeadRows<T> from, int64_t count, int64_t padded, int64_t dim, float* to,
               int64_t to_stride) {
  for (int64_t i = 0; i < count; ++i, to += to_stride) {
    if constexpr (pairs) {
      to[words<true>(dim) - 1] = 0.0f;
      std::memcpy(to, from.row(i), static_cast<size_t>(dim) * sizeof(T));
    } else {
      const T* row = from.row(i);
      sweep(0, dim, [&](int64_t c, auto here) { store(to + c, load(row + c, here), here); });
    }
  }
  for (int64_t i = count; i < padded; ++i, to += to_stride)
    std::fill_n(to, words<pairs>(dim), 0.0f);
}

// A tile [words along the rows][dim].
template <bool pairs, class T>
void load_rows_down(HeadRows<T> from, int64_t count, int64_t dim, float* to, int64_t to_stride) {
  if constexpr (!pairs) return load_rows<false>(from, count, count, dim, to, to_stride);
  for (int64_t i = 0; i < count; i += 2, to += to_stride) {
    const T *first = from.row(i), *second = i + 1 < count ? from.row(i + 1) : nullptr;
    sweep(0, dim, [&](int64_t c, auto here) {
      const Floats odd = second ? load(second + c, here) : Floats{};
      store(to + c, pack_pairs(load(first + c, here), odd), here);
    });
  }
}

// From f32 rows to rows of T: to[i] = from[i] * factor.
template <class T>
void store_rows(const float* from, int64_t from_stride, int64_t count, int64_t dim, float factor,
                T* to, int64_t to_stride) {
  for (int64_t i = 0; i < count; ++i) {
    const float* wide = from + i * from_stride;
    T* row = to + i * to_stride;
    sweep(0, dim,
          [&](int64_t c, auto here) { store(row + c, load(wide + c, here) * factor, here); });
  }
}

// Whether a row holds neither infinity nor NaN: x - x is 0 for every other number.
template <class T>
bool row_is_finite(const T* row, int64_t dim) {
  Floats zeros{};
  sweep(0, dim, [&](int64_t c, auto here) {
    const Floats x = load(row + c, here);
    zeros += x - x;
  });
  return sum(zeros) == 0.0f;
}

// Of two rows, in one fixed order.
template <class T>
float row_product(const T* a, const T* b, int64_t dim) {
  Floats total{};
  sweep(0, dim,
        [&](int64_t c, auto here) { total = fma(load(a + c, here), load(b + c, here), total); });
  return sum(total);
}

}  // namespace stylear::cpu
