#include "../../core/ops/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "../dispatch.h"
#include "../moments.h"
#include "../row_sums.h"
#include "../run.h"
#include "../sweep.h"

namespace stylear::cpu {

namespace {

// Which row of a [groups, dim] weight belongs to row r of x; 0 for a weight of rank 1.
struct Groups {
  int64_t heads, each;
  Groups(const TensorView& x, const TensorView& weight)
      : heads(weight.shape.rank() == 2 ? x.shape[-2] : 1),
        each(weight.shape.rank() == 2 ? heads / weight.shape[0] : 1) {}
  int64_t of(int64_t row) const { return row % heads / each; }
};

template <class T, class W>
void layer_norm(const LayerNorm& op, Workers& workers) {
  const int64_t dim = op.x.shape[-1], rows = op.x.count() / dim;
  const Groups groups(op.x, op.weight);
  workers.for_each(rows, std::max<int64_t>(1, 8192 / dim), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = op.x.as<T>() + r * dim;
      const W *weight = op.weight.as<W>() + groups.of(r) * dim,
              *bias = op.bias.as<W>() + groups.of(r) * dim;
      T* y = op.y.as<T>() + r * dim;
      const auto [mean, rstd] = moments(x, dim, op.eps);
      for (int64_t c = 0; c < dim; ++c)
        y[c] = T((static_cast<float>(x[c]) - mean) * rstd * static_cast<float>(weight[c]) +
                 static_cast<float>(bias[c]));
    }
  });
}

// With n = (x - mean) rstd and g = dy weight:
// dx = rstd (g - mean(g) - n mean(g n)), dweight = sum dy n, dbias = sum dy.
template <class T, class W>
void layer_norm_backward(const LayerNormBackward& op, Workers& workers) {
  const int64_t dim = op.x.shape[-1], rows = op.x.count() / dim;
  const Groups groups(op.x, op.weight);
  const int64_t size = op.weight.count();
  const bool wants_weight = op.dweight.present();
  const auto chunk = [&](int64_t begin, int64_t end, float* sums) {
    for (int64_t r = begin; r < end; ++r) {
      const T *x = op.x.as<T>() + r * dim, *dy = op.dy.as<T>() + r * dim;
      const int64_t at = groups.of(r) * dim;
      const W* weight = op.weight.as<W>() + at;
      T* dx = op.dx.as<T>() + r * dim;
      const auto [mean, rstd] = moments(x, dim, op.eps);
      const float g_sum = sum_of(dim, [&](int64_t c, auto count) {
        return load(dy + c, count) * load(weight + c, count);
      });
      const float gn_sum = sum_of(dim, [&, mean = mean, rstd = rstd](int64_t c, auto count) {
        const Floats n = (load(x + c, count) - mean) * rstd;
        return load(dy + c, count) * load(weight + c, count) * n;
      });
      if (wants_weight) {
        float *dweight = sums + at, *dbias = sums + size + at;
        for (int64_t c = 0; c < dim; ++c) {
          const float n = (static_cast<float>(x[c]) - mean) * rstd;
          dweight[c] += static_cast<float>(dy[c]) * n;
          dbias[c] += static_cast<float>(dy[c]);
        }
      }
      const float g_mean = g_sum / dim, gn_mean = gn_sum / dim;
      for (int64_t c = 0; c < dim; ++c) {
        const float n = (static_cast<float>(x[c]) - mean) * rstd;
        const float g = static_cast<float>(dy[c]) * static_cast<float>(weight[c]);
        dx[c] = T(rstd * (g - g_mean - n * gn_mean));
      }
    }
  };
  const float* total = sum_over_rows(workers, rows, wants_weight ? 2 * size : 1, chunk);
  if (!wants_weight) return;
  for (int64_t c = 0; c < size; ++c) op.dweight.as<W>()[c] = W(total[c]);
  for (int64_t c = 0; c < size; ++c) op.dbias.as<W>()[c] = W(total[size + c]);
}

}  // namespace

void run(const LayerNorm& op, Workers& workers) {
  with_float(op.x.dtype, [&](auto zero) {
    with_float(op.weight.dtype,
               [&](auto weight) { layer_norm<decltype(zero), decltype(weight)>(op, workers); });
  });
}

void run(const LayerNormBackward& op, Workers& workers) {
  with_float(op.x.dtype, [&](auto zero) {
    with_float(op.weight.dtype, [&](auto weight) {
      layer_norm_backward<decltype(zero), decltype(weight)>(op, workers);
    });
  });
}

}  // namespace stylear::cpu
