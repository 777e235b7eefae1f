// Sums over rows in two phases: a number of chunks that depends on the shape alone is summed each
// on its own, then the chunks are added in order. So the result does not depend on the threads.
#pragma once

#include <algorithm>

#include "workers.h"

namespace stylear::cpu {

// The rows of one chunk: at most 64 chunks, none shorter than 16 rows.
inline int64_t rows_per_chunk(int64_t rows) { return std::max<int64_t>(16, (rows + 63) / 64); }

// total[c] = sum over chunks of what add(begin, end, sums) left in its zeroed sums [width], for the
// rows [begin, end) of each chunk. Returns `width` floats of the op's scratch memory.
template <class F>
float* sum_over_rows(Workers& workers, int64_t rows, int64_t width, F&& add) {
  const int64_t chunk = rows_per_chunk(rows), chunks = (rows + chunk - 1) / chunk;
  float* partial = workers.scratch_of<float>(chunks * width);
  workers.for_each(rows, chunk, [&](int64_t begin, int64_t end) {
    float* sums = partial + begin / chunk * width;
    std::fill_n(sums, width, 0.0f);
    add(begin, end, sums);
  });
  if (chunks == 1) return partial;
  workers.for_each(width, workers.grain(width, 256), [&](int64_t begin, int64_t end) {
    for (int64_t k = 1; k < chunks; ++k) {
      const float* more = partial + k * width;
      for (int64_t c = begin; c < end; ++c) partial[c] += more[c];
    }
  });
  return partial;
}

}  // namespace stylear::cpu
