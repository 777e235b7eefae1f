#include "../../core/ops/l2_normalise.h"

#include <algorithm>
#include <cmath>

#include "../dispatch.h"
#include "../run.h"
#include "../sweep.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

template <class T>
float dot(const T* a, const T* b, int64_t dim) {
  return sum_of(dim,
                [&](int64_t c, auto count) { return load(a + c, count) * load(b + c, count); });
}

template <class T>
void normalise_row(const T* x, T* y, int64_t dim, float eps) {
  const float scale = 1.0f / std::max(std::sqrt(dot(x, x, dim)), eps);
  for (int64_t c = 0; c < dim; ++c) y[c] = T(static_cast<float>(x[c]) * scale);
}

template <class T>
void backward_row(const T* x, const T* dy, T* dx, int64_t dim, float eps) {
  const float norm = std::sqrt(dot(x, x, dim)), scale = 1.0f / std::max(norm, eps);
  const float along = norm < eps ? 0.0f : dot(x, dy, dim) * scale * scale;
  for (int64_t c = 0; c < dim; ++c)
    dx[c] = T((static_cast<float>(dy[c]) - static_cast<float>(x[c]) * along) * scale);
}

}  // namespace

void run(const L2Normalise& op, Workers& workers) {
  const int64_t dim = op.x.shape[-1], rows = op.x.count() / dim;
  workers.for_each(rows, std::max<int64_t>(1, 8192 / dim), [&](int64_t begin, int64_t end) {
    with_float(op.x.dtype, [&](auto zero) {
      using T = decltype(zero);
      for (int64_t at = begin * dim; at < end * dim; at += dim)
        normalise_row(op.x.as<T>() + at, op.y.as<T>() + at, dim, op.eps);
    });
  });
}

void run(const L2NormaliseBackward& op, Workers& workers) {
  const int64_t dim = op.x.shape[-1], rows = op.x.count() / dim;
  workers.for_each(rows, std::max<int64_t>(1, 8192 / dim), [&](int64_t begin, int64_t end) {
    with_float(op.x.dtype, [&](auto zero) {
      using T = decltype(zero);
      for (int64_t at = begin * dim; at < end * dim; at += dim)
        backward_row(op.x.as<T>() + at, op.dy.as<T>() + at, op.dx.as<T>() + at, dim, op.eps);
    });
  });
}

}  // namespace stylear::cpu
