// Mean and spread of a row, as layer norms take them.
#pragma once

#include <cmath>

#include "sweep.h"

namespace stylear::cpu {

struct Moments {
  float mean;
  float rstd;  // 1 / sqrt(var + eps), biased variance
};

template <class T>
Moments moments(const T* x, int64_t dim, float eps) {
  const float mean = sum_of(dim, [&](int64_t c, auto count) { return load(x + c, count); }) / dim;
  const float squares = sum_of(dim, [&](int64_t c, auto count) {
    const Floats d = keep(load(x + c, count) - mean, count);
    return d * d;
  });
  return {mean, 1.0f / std::sqrt(squares / dim + eps)};
}

}  // namespace stylear::cpu
