#include "../../core/ops/quantise.h"

#include <algorithm>
#include <cmath>

#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

template <class T>
void quantise_row(const T* x, int8_t* q, float* scale, int64_t width) {
  float largest = 0;
  for (int64_t c = 0; c < width; ++c)
    largest = std::max(largest, std::abs(static_cast<float>(x[c])));
  *scale = largest / 127.0f;
  if (*scale == 0) *scale = 1;  // zeros, or too small for a quotient
  for (int64_t c = 0; c < width; ++c) {
    const float rounded = std::nearbyint(static_cast<float>(x[c]) / *scale);
    q[c] =
        rounded == rounded ? static_cast<int8_t>(std::clamp(rounded, -127.0f, 127.0f)) : int8_t{0};
  }
}

}  // namespace

void run(const Quantise& op, Workers& workers) {
  const int64_t width = op.x.shape[1];
  workers.for_each(
      op.x.shape[0], std::max<int64_t>(1, 8192 / width), [&](int64_t begin, int64_t end) {
        with_float(op.x.dtype, [&](auto zero) {
          for (int64_t r = begin; r < end; ++r)
            quantise_row(op.x.as<decltype(zero)>() + r * width, op.q.as<int8_t>() + r * width,
                         op.scale.as<float>() + r, width);
        });
      });
}

void run(const Dequantise& op, Workers& workers) {
  const int64_t width = op.q.shape[1];
  workers.for_each(op.q.shape[0], std::max<int64_t>(1, 8192 / width),
                   [&](int64_t begin, int64_t end) {
                     with_float(op.y.dtype, [&](auto zero) {
                       using T = decltype(zero);
                       for (int64_t r = begin; r < end; ++r) {
                         const int8_t* q = op.q.as<int8_t>() + r * width;
                         const float scale = op.scale.as<float>()[r];
                         T* y = op.y.as<T>() + r * width;
                         for (int64_t c = 0; c < width; ++c)
                           y[c] = T(static_cast<float>(q[c]) * scale);
                       }
                     });
                   });
}

}  // namespace stylear::cpu
