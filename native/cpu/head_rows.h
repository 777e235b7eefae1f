// Rows of one head as attention reads and writes them: strided in memory, f32 side by side in
// tiles.
#pragma once

#include <algorithm>

#include "simd.h"

namespace stylear::cpu {

// Rows of one head in memory, `stride` elements apart.
template <class T>
struct HeadRows {
  const T* data;
  int64_t stride;
  const T* row(int64_t i) const { return data + i * stride; }
};

// Rows as f32, `to_stride` apart; rows from `count` up to `padded` are zero.
template <class T>
void widen_rows(HeadRows<T> from, int64_t count, int64_t padded, int64_t dim, float* to,
                int64_t to_stride) {
  for (int64_t i = 0; i < count; ++i) {
    const T* row = from.row(i);
    float* wide = to + i * to_stride;
    int64_t c = 0;
    for (; c + lanes <= dim; c += lanes) store(wide + c, load(row + c));
    if (c < dim) store(wide + c, load(row + c, dim - c));
  }
  for (int64_t i = count; i < padded; ++i) std::fill_n(to + i * to_stride, dim, 0.0f);
}

// The same back: to[i] = from[i] * factor in the dtype of `to`.
template <class T>
void narrow_rows(const float* from, int64_t from_stride, int64_t count, int64_t dim, float factor,
                 T* to, int64_t to_stride) {
  for (int64_t i = 0; i < count; ++i) {
    const float* wide = from + i * from_stride;
    T* row = to + i * to_stride;
    int64_t c = 0;
    for (; c + lanes <= dim; c += lanes) store(row + c, load(wide + c) * factor);
    if (c < dim) store(row + c, load(wide + c) * factor, dim - c);
  }
}

// Of two rows, in one fixed order.
template <class T>
float row_product(const T* a, const T* b, int64_t dim) {
  Floats total{};
  int64_t c = 0;
  for (; c + lanes <= dim; c += lanes) total = fma(load(a + c), load(b + c), total);
  if (c < dim) total = fma(load(a + c, dim - c), load(b + c, dim - c), total);
  return sum(total);
}

}  // namespace stylear::cpu
