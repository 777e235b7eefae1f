#include "../../core/ops/rms_norm.h"

#include <algorithm>
#include <cmath>

#include "../dispatch.h"
#include "../row_sums.h"
#include "../run.h"
#include "../sweep.h"

namespace stylear::cpu {

namespace {

// 1 / sqrt(mean(h^2) + eps)
template <class T>
float scale_of(const T* h, int64_t dim, float eps) {
  const float squares = sum_of(dim, [&](int64_t c, auto count) {
    const Floats v = load(h + c, count);
    return v * v;
  });
  return 1.0f / std::sqrt(squares / static_cast<float>(dim) + eps);
}

template <class T, class W>
void rms_norm(const RmsNorm& op, Workers& workers) {
  const int64_t dim = op.x.shape[-1], rows = op.x.count() / dim;
  const W* weight = op.weight.as<W>();
  workers.for_each(rows, std::max<int64_t>(1, 8192 / dim), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* h = op.x.as<T>() + r * dim;
      T* y = op.y.as<T>() + r * dim;
      if (op.residual.present()) {
        const T *x = h, *residual = op.residual.as<T>() + r * dim;
        T* sum = op.h.as<T>() + r * dim;
        for (int64_t c = 0; c < dim; ++c)
          sum[c] = T(static_cast<float>(x[c]) + static_cast<float>(residual[c]));
        h = sum;
      }
      const float scale = scale_of(h, dim, op.eps);
      for (int64_t c = 0; c < dim; ++c) {
        const T n = T(static_cast<float>(h[c]) * scale);
        y[c] = T(static_cast<float>(n) * static_cast<float>(weight[c]));
      }
    }
  });
}

// With n = h r and g = dy weight: dx = r (g - n mean(g n)) + dh, dweight = sum dy n.
template <class T, class W>
void rms_norm_backward(const RmsNormBackward& op, Workers& workers) {
  const int64_t dim = op.h.shape[-1], rows = op.h.count() / dim;
  const W* weight = op.weight.as<W>();
  const bool wants_weight = op.dweight.present();
  const auto chunk = [&](int64_t begin, int64_t end, float* dweight) {
    for (int64_t r = begin; r < end; ++r) {
      const T *h = op.h.as<T>() + r * dim, *dy = op.dy.as<T>() + r * dim;
      const T* dh = op.dh.present() ? op.dh.as<T>() + r * dim : nullptr;
      T* dx = op.dx.as<T>() + r * dim;
      const float scale = scale_of(h, dim, op.eps);
      const float sum = sum_of(dim, [&](int64_t c, auto count) {
        return load(dy + c, count) * load(weight + c, count) * (load(h + c, count) * scale);
      });
      if (wants_weight)
        for (int64_t c = 0; c < dim; ++c)
          dweight[c] += static_cast<float>(dy[c]) * (static_cast<float>(h[c]) * scale);
      const float mean = sum / static_cast<float>(dim);
      for (int64_t c = 0; c < dim; ++c) {
        const float g = static_cast<float>(dy[c]) * static_cast<float>(weight[c]);
        const float into_h = dh ? static_cast<float>(dh[c]) : 0.0f;
        dx[c] = T(scale * (g - static_cast<float>(h[c]) * scale * mean) + into_h);
      }
    }
  };
  const float* total = sum_over_rows(workers, rows, wants_weight ? dim : 1, chunk);
  if (wants_weight)
    for (int64_t c = 0; c < dim; ++c) op.dweight.as<W>()[c] = W(total[c]);
}

}  // namespace

void run(const RmsNorm& op, Workers& workers) {
  with_float(op.x.dtype, [&](auto x) {
    with_float(op.weight.dtype,
               [&](auto weight) { rms_norm<decltype(x), decltype(weight)>(op, workers); });
  });
}

void run(const RmsNormBackward& op, Workers& workers) {
  with_float(op.h.dtype, [&](auto h) {
    with_float(op.weight.dtype,
               [&](auto weight) { rms_norm_backward<decltype(h), decltype(weight)>(op, workers); });
  });
}

}  // namespace stylear::cpu
