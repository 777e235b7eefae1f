#include "../../core/ops/permute.h"

#include <algorithm>
#include <cstring>

#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// The axes of y without those that move together: neighbours in y that are neighbours in x.
struct Axes {
  int rank = 0;
  int64_t extents[Shape::max_rank];
  int64_t strides[Shape::max_rank];  // of x, in elements
};

Axes merged(const Permute& op) {
  int64_t x_strides[Shape::max_rank];
  int64_t stride = 1;
  for (int a = op.x.shape.rank() - 1; a >= 0; --a) {
    x_strides[a] = stride;
    stride *= op.x.shape[a];
  }
  Axes axes;
  for (int a = 0; a < op.y.shape.rank(); ++a) {
    const int64_t extent = op.y.shape[a];
    if (extent == 1) continue;
    const int64_t x_stride = x_strides[op.order[a]];
    const int last = axes.rank - 1;
    if (last >= 0 && axes.strides[last] == x_stride * extent) {
      axes.extents[last] *= extent;
      axes.strides[last] = x_stride;
    } else {
      axes.extents[axes.rank] = extent;
      axes.strides[axes.rank++] = x_stride;
    }
  }
  if (axes.rank == 0) {
    axes.rank = 1;
    axes.extents[0] = 1;
    axes.strides[0] = 1;
  }
  return axes;
}

// Writes y in order; a tile of 16 rows by 16 columns of the two innermost axes of y at a time, so
// that lines of x fetched for one row are still there for the next.
template <class T>
void permute(const Permute& op, Workers& workers) {
  const Axes axes = merged(op);
  const T* x = op.x.as<T>();
  T* y = op.y.as<T>();
  const int last = axes.rank - 1;
  const int64_t columns = axes.extents[last], step = axes.strides[last];
  const int64_t rows = last > 0 ? axes.extents[last - 1] : 1;
  const int64_t row_step = last > 0 ? axes.strides[last - 1] : 0;
  const int64_t planes = op.y.count() / (rows * columns);
  const int64_t strips = (rows + 15) / 16;
  workers.for_each(planes * strips, std::max<int64_t>(1, (1 << 14) / (16 * columns)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t piece = begin; piece < end; ++piece) {
                       const int64_t plane = piece / strips, row0 = piece % strips * 16;
                       const int64_t row1 = std::min(rows, row0 + 16);
                       int64_t from = 0, rest = plane;
                       for (int a = last - 2; a >= 0; --a) {
                         from += rest % axes.extents[a] * axes.strides[a];
                         rest /= axes.extents[a];
                       }
                       const T* source = x + from;
                       T* target = y + plane * rows * columns;
                       if (step == 1) {
                         for (int64_t r = row0; r < row1; ++r)
                           std::memcpy(target + r * columns, source + r * row_step,
                                       columns * sizeof(T));
                         continue;
                       }
                       for (int64_t c0 = 0; c0 < columns; c0 += 16)
                         for (int64_t r = row0; r < row1; ++r)
                           for (int64_t c = c0; c < std::min(columns, c0 + 16); ++c)
                             target[r * columns + c] = source[r * row_step + c * step];
                     }
                   });
}

}  // namespace

void run(const Permute& op, Workers& workers) {
  switch (bytes_of(op.x.dtype)) {
    case 1:
      return permute<uint8_t>(op, workers);
    case 2:
      return permute<uint16_t>(op, workers);
    default:
      return permute<uint32_t>(op, workers);
  }
}

}  // namespace stylear::cpu
