#include "../../core/ops/rms_norm.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// A team per row (dispatch.h), which reads the row twice, the second time from cache. Bounded by
// memory: x, residual, y and h once each.
template <class T, class W>
struct RmsNormRow {
  const T *x, *residual;
  const W* weight;
  T *y, *h;
  int width;
  float eps;

  // h = x + residual as it is stored.
  template <int n>
  __device__ void input(const T* x_row, const T* residual_row, int at, float (&v)[n]) const {
    load<n>(x_row + at, v);
    if (!residual) return;
    float r[n];
    load<n>(residual_row + at, r);
#pragma unroll
    for (int i = 0; i < n; ++i) v[i] = rounded_to<T>(v[i] + r[i]);
  }

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    const int64_t begin = row * width;
    const T *x_row = x + begin, *residual_row = residual ? residual + begin : nullptr;
    float sum = 0, v[n], w[n];
    for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
      input<n>(x_row, residual_row, at, v);
#pragma unroll
      for (int i = 0; i < n; ++i) sum += v[i] * v[i];
    }
    const float scale = 1.0f / sqrtf(Team::sum(sum) / width + eps);
    for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
      input<n>(x_row, residual_row, at, v);
      if (h) store<n>(h + begin + at, v);
      load<n>(weight + at, w);
#pragma unroll
      for (int i = 0; i < n; ++i) v[i] = rounded_to<T>(v[i] * scale) * w[i];
      store<n>(y + begin + at, v);
    }
  }
};

// scale[row] = 1 / sqrt(mean(h^2) + eps).
template <class T>
struct RmsScaleRow {
  const T* h;
  float* scale;
  int width;
  float eps;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    float sum = 0;
    for_each_vector<Team, n>(h + row * width, width, [&](int, const float(&v)[n]) {
#pragma unroll
      for (int i = 0; i < n; ++i) sum += v[i] * v[i];
    });
    sum = Team::sum(sum);
    if (Team::rank() == 0) scale[row] = 1.0f / sqrtf(sum / width + eps);
  }
};

// With r = scale, u = h r and g = dy weight: dx = r (g - u mean(g u)) + dh.
template <class T, class W>
struct RmsNormBackwardRow {
  const T* h;
  const W* weight;
  const T *dy, *dh;
  T* dx;
  const float* scale;
  int width;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    const int64_t begin = row * width;
    const float r = scale[row];
    float sum = 0, v[n], g[n], w[n];
    for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
      load<n>(h + begin + at, v);
      load<n>(dy + begin + at, g);
      load<n>(weight + at, w);
#pragma unroll
      for (int i = 0; i < n; ++i) sum += g[i] * w[i] * v[i];
    }
    const float pull = Team::sum(sum) * r / width;
    for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
      load<n>(h + begin + at, v);
      load<n>(dy + begin + at, g);
      load<n>(weight + at, w);
#pragma unroll
      for (int i = 0; i < n; ++i) g[i] = r * (g[i] * w[i] - v[i] * r * pull);
      if (dh) {
        load<n>(dh + begin + at, w);
#pragma unroll
        for (int i = 0; i < n; ++i) g[i] += w[i];
      }
      store<n>(dx + begin + at, g);
    }
  }
};

// dweight[c] = sum over rows of dy h r.
template <class T>
struct WeightTerm {
  const T *h, *dy;
  const float* scale;
  int64_t width;
  __device__ float operator()(int64_t r, int64_t c) const {
    return to_float(dy[r * width + c]) * to_float(h[r * width + c]) * scale[r];
  }
};

}  // namespace

void run(const RmsNorm& op, Stream& stream) {
  const int64_t width = op.x.shape[-1], rows = op.x.count() / width;
  const bool vectors = aligned(op.x, op.residual, op.weight, op.y, op.h);
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    with_float(op.weight.dtype, [&](auto weight_type) {
      using W = decltype(weight_type);
      const RmsNormRow<T, W> body{op.x.as<T>(), op.residual.as<T>(), op.weight.as<W>(),
                                  op.y.as<T>(), op.h.as<T>(),        static_cast<int>(width),
                                  op.eps};
      for_each_row(stream, rows, width, vectors, body);
    });
  });
}

void run(const RmsNormBackward& op, Stream& stream) {
  const int64_t width = op.h.shape[-1], rows = op.h.count() / width;
  const bool vectors = aligned(op.h, op.weight, op.dy, op.dh, op.dx);
  auto* scale = stream.scratch<float>(rows);
  with_float(op.h.dtype, [&](auto type) {
    using T = decltype(type);
    const int columns = static_cast<int>(width);
    for_each_row(stream, rows, width, vectors,
                 RmsScaleRow<T>{op.h.as<T>(), scale, columns, op.eps});
    with_float(op.weight.dtype, [&](auto weight_type) {
      using W = decltype(weight_type);
      if (op.dweight.present())  // before dx, which may take the place of dy
        sum_columns(stream, rows, width, WeightTerm<T>{op.h.as<T>(), op.dy.as<T>(), scale, width},
                    PutScaled<W>{op.dweight.as<W>(), 1.0f});
      const RmsNormBackwardRow<T, W> body{op.h.as<T>(),  op.weight.as<W>(), op.dy.as<T>(),
                                          op.dh.as<T>(), op.dx.as<T>(),     scale,
                                          columns};
      for_each_row(stream, rows, width, vectors, body);
    });
  });
}

}  // namespace stylear::cuda
