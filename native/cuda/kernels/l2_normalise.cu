#include "../../core/ops/l2_normalise.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// A team per row (dispatch.h), which reads the row twice, the second time from cache. Bounded by
// memory.
template <class T>
struct L2NormaliseRow {
  const T* x;
  T* y;
  int width;
  float eps;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    float sum = 0;
    for_each_vector<Team, n>(x + row * width, width, [&](int, const float(&v)[n]) {
#pragma unroll
      for (int i = 0; i < n; ++i) sum += v[i] * v[i];
    });
    const float norm = sqrtf(Team::sum(sum));
    const float scale = 1.0f / (norm < eps ? eps : norm);  // of a NaN, NaN
    for_each_vector<Team, n>(x + row * width, width, [&](int at, float(&v)[n]) {
#pragma unroll
      for (int i = 0; i < n; ++i) v[i] *= scale;
      store<n>(y + row * width + at, v);
    });
  }
};

template <class T>
struct L2NormaliseBackwardRow {
  const T *x, *dy;
  T* dx;
  int width;
  float eps;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    const int64_t begin = row * width;
    float squares = 0, product = 0, v[n], g[n];
    for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
      load<n>(x + begin + at, v);
      load<n>(dy + begin + at, g);
#pragma unroll
      for (int i = 0; i < n; ++i) {
        squares += v[i] * v[i];
        product += v[i] * g[i];
      }
    }
    const float norm = sqrtf(Team::sum(squares));
    product = Team::sum(product);
    const float scale = 1.0f / (norm < eps ? eps : norm);
    const float pull = norm < eps ? 0.0f : product * scale * scale;
    for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
      load<n>(x + begin + at, v);
      load<n>(dy + begin + at, g);
#pragma unroll
      for (int i = 0; i < n; ++i) g[i] = (g[i] - v[i] * pull) * scale;
      store<n>(dx + begin + at, g);
    }
  }
};

}  // namespace

void run(const L2Normalise& op, Stream& stream) {
  const int64_t width = op.x.shape[-1], rows = op.x.count() / width;
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    const L2NormaliseRow<T> body{op.x.as<T>(), op.y.as<T>(), static_cast<int>(width), op.eps};
    for_each_row(stream, rows, width, aligned(op.x, op.y), body);
  });
}

void run(const L2NormaliseBackward& op, Stream& stream) {
  const int64_t width = op.x.shape[-1], rows = op.x.count() / width;
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    const L2NormaliseBackwardRow<T> body{op.x.as<T>(), op.dy.as<T>(), op.dx.as<T>(),
                                         static_cast<int>(width), op.eps};
    for_each_row(stream, rows, width, aligned(op.x, op.dy, op.dx), body);
  });
}

}  // namespace stylear::cuda
