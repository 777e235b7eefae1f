#include "../../core/ops/upsample.h"

#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

// Both directions go by the rows of the small picture: each makes, or is made of, two large rows.
void run(const Upsample& op, Workers& workers) {
  const int64_t rows = op.x.shape[0] * op.x.shape[1], width = op.x.shape[2];
  const int64_t channels = op.x.shape[3];
  workers.for_each(rows, 4, [&](int64_t begin, int64_t end) {
    with_float(op.x.dtype, [&](auto zero) {
      using T = decltype(zero);
      for (int64_t r = begin; r < end; ++r) {
        const T* x = op.x.as<T>() + r * width * channels;
        T* y = op.y.as<T>() + r * 4 * width * channels;
        for (int64_t j = 0; j < 2 * width; ++j)
          for (int64_t c = 0; c < channels; ++c) y[j * channels + c] = x[j / 2 * channels + c];
        for (int64_t i = 0; i < 2 * width * channels; ++i) y[2 * width * channels + i] = y[i];
      }
    });
  });
}

void run(const UpsampleBackward& op, Workers& workers) {
  const int64_t rows = op.dx.shape[0] * op.dx.shape[1], width = op.dx.shape[2];
  const int64_t channels = op.dx.shape[3], below = 2 * width * channels;
  workers.for_each(rows, 4, [&](int64_t begin, int64_t end) {
    with_float(op.dx.dtype, [&](auto zero) {
      using T = decltype(zero);
      for (int64_t r = begin; r < end; ++r) {
        const T* dy = op.dy.as<T>() + r * 4 * width * channels;
        T* dx = op.dx.as<T>() + r * width * channels;
        for (int64_t j = 0; j < width; ++j) {
          const T *upper = dy + 2 * j * channels, *lower = upper + below;
          for (int64_t c = 0; c < channels; ++c)
            dx[j * channels + c] =
                T((static_cast<float>(upper[c]) + static_cast<float>(upper[channels + c])) +
                  (static_cast<float>(lower[c]) + static_cast<float>(lower[channels + c])));
        }
      }
    });
  });
}

}  // namespace stylear::cpu
