#include "../../core/ops/layer_norm.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// Which row of a weight [groups, dim] a row of x uses; groups 1 is the plain layer norm.
struct WeightRows {
  int heads, per_group;
  __device__ int64_t of(int64_t row) const { return row % heads / per_group; }
};
WeightRows weight_rows(const TensorView& x, const TensorView& weight) {
  if (weight.shape.rank() != 2) return {1, 1};
  const auto heads = static_cast<int>(x.shape[-2]);
  return {heads, heads / static_cast<int>(weight.shape[0])};
}

// Mean, and 1 / sqrt(var + eps), of a row that is read twice: once for each.
template <class Team, int n, class T>
__device__ __forceinline__ float2 moments_of(const T* row, int width, float eps) {
  float sum = 0;
  for_each_vector<Team, n>(row, width, [&](int, const float(&v)[n]) {
#pragma unroll
    for (int i = 0; i < n; ++i) sum += v[i];
  });
  const float mean = Team::sum(sum) / width;
  float squares = 0;
  for_each_vector<Team, n>(row, width, [&](int, const float(&v)[n]) {
#pragma unroll
    for (int i = 0; i < n; ++i) squares += (v[i] - mean) * (v[i] - mean);
  });
  return make_float2(mean, 1.0f / sqrtf(Team::sum(squares) / width + eps));
}

// A team per row (dispatch.h), which reads the row three times, twice from cache. Bounded by
// memory: x and y once each.
template <class T, class W>
struct LayerNormRow {
  const T* x;
  const W *weight, *bias;
  T* y;
  WeightRows rows;
  int width;
  float eps;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    const float2 moments = moments_of<Team, n>(x + row * width, width, eps);
    const int64_t of = rows.of(row) * width;
    for_each_vector<Team, n>(x + row * width, width, [&](int at, float(&v)[n]) {
      float w[n], b[n];
      load<n>(weight + of + at, w);
      load<n>(bias + of + at, b);
#pragma unroll
      for (int i = 0; i < n; ++i) v[i] = (v[i] - moments.x) * moments.y * w[i] + b[i];
      store<n>(y + row * width + at, v);
    });
  }
};

template <class T>
struct MomentsRow {
  const T* x;
  float2* moments;
  int width;
  float eps;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    const float2 m = moments_of<Team, n>(x + row * width, width, eps);
    if (Team::rank() == 0) moments[row] = m;
  }
};

// With u = (x - mean) r and g = dy weight: dx = r (g - mean(g) - u mean(g u)).
template <class T, class W>
struct LayerNormBackwardRow {
  const T* x;
  const W* weight;
  const T* dy;
  T* dx;
  const float2* moments;
  WeightRows rows;
  int width;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    const int64_t begin = row * width, of = rows.of(row) * width;
    const float mean = moments[row].x, r = moments[row].y;
    float sum = 0, product = 0, v[n], g[n], w[n];
    for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
      load<n>(x + begin + at, v);
      load<n>(dy + begin + at, g);
      load<n>(weight + of + at, w);
#pragma unroll
      for (int i = 0; i < n; ++i) {
        sum += g[i] * w[i];
        product += g[i] * w[i] * (v[i] - mean);
      }
    }
    sum = Team::sum(sum) / width;
    product = Team::sum(product) * r / width;
    for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
      load<n>(x + begin + at, v);
      load<n>(dy + begin + at, g);
      load<n>(weight + of + at, w);
#pragma unroll
      for (int i = 0; i < n; ++i) g[i] = r * (g[i] * w[i] - sum - (v[i] - mean) * r * product);
      store<n>(dx + begin + at, g);
    }
  }
};

// Columns are the elements of the weight, rows the rows of x that use them.
template <class T, bool of_weight>
struct WeightTerm {
  const T *x, *dy;
  const float2* moments;
  WeightRows rows;
  int width;

  __device__ float operator()(int64_t r, int64_t c) const {
    const int64_t group = c / width, at = c % width;
    const int64_t row =
        r / rows.per_group * rows.heads + group * rows.per_group + r % rows.per_group;
    const float d = to_float(dy[row * width + at]);
    if constexpr (!of_weight) return d;
    return d * (to_float(x[row * width + at]) - moments[row].x) * moments[row].y;
  }
};

}  // namespace

void run(const LayerNorm& op, Stream& stream) {
  const int64_t width = op.x.shape[-1], rows = op.x.count() / width;
  const bool vectors = aligned(op.x, op.weight, op.bias, op.y);
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    with_float(op.weight.dtype, [&](auto weight_type) {
      using W = decltype(weight_type);
      const LayerNormRow<T, W> body{op.x.as<T>(),
                                    op.weight.as<W>(),
                                    op.bias.as<W>(),
                                    op.y.as<T>(),
                                    weight_rows(op.x, op.weight),
                                    static_cast<int>(width),
                                    op.eps};
      for_each_row(stream, rows, width, vectors, body);
    });
  });
}

void run(const LayerNormBackward& op, Stream& stream) {
  const int64_t width = op.x.shape[-1], rows = op.x.count() / width;
  const bool vectors = aligned(op.x, op.weight, op.dy, op.dx);
  const int columns = static_cast<int>(width);
  const WeightRows of = weight_rows(op.x, op.weight);
  const int64_t weights = op.weight.count(), users = op.x.count() / weights;
  auto* moments = stream.scratch<float2>(rows);
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    const T *x = op.x.as<T>(), *dy = op.dy.as<T>();
    for_each_row(stream, rows, width, vectors, MomentsRow<T>{x, moments, columns, op.eps});
    with_float(op.weight.dtype, [&](auto weight_type) {
      using W = decltype(weight_type);
      if (op.dweight.present()) {  // before dx, which may take the place of dy
        sum_columns(stream, users, weights, WeightTerm<T, true>{x, dy, moments, of, columns},
                    PutScaled<W>{op.dweight.as<W>(), 1.0f});
        sum_columns(stream, users, weights, WeightTerm<T, false>{x, dy, moments, of, columns},
                    PutScaled<W>{op.dbias.as<W>(), 1.0f});
      }
      const LayerNormBackwardRow<T, W> body{
          x, op.weight.as<W>(), dy, op.dx.as<T>(), moments, of, columns};
      for_each_row(stream, rows, width, vectors, body);
    });
  });
}

}  // namespace stylear::cuda
