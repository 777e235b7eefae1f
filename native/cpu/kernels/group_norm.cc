#include "../../core/ops/group_norm.h"

#include <algorithm>
#include <cmath>

#include "../dispatch.h"
#include "../run.h"
#include "../simd_math.h"
#include "../sweep.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// Pictures are cut into chunks of pixels that fit the second-level cache, so that what is needed
// per channel takes one pass over memory. The cut depends on the shape alone.
struct Chunks {
  int64_t pixels, channels, size, per_image, count;

  explicit Chunks(const Shape& x)
      : pixels(x[1] * x[2]),
        channels(x[3]),
        size(std::max<int64_t>(1, (1 << 15) / channels)),
        per_image((pixels + size - 1) / size),
        count(x[0] * per_image) {}

  int64_t image(int64_t chunk) const { return chunk / per_image; }
  int64_t first(int64_t chunk) const { return chunk % per_image * size; }
  int64_t pixels_of(int64_t chunk) const { return std::min(size, pixels - first(chunk)); }
  int64_t offset(int64_t chunk) const { return (image(chunk) * pixels + first(chunk)) * channels; }
};

// mean[c] and squares[c] = sum (x - mean)^2 over the pixels of one chunk, per channel.
template <class T>
void channel_moments(const T* x, int64_t pixels, int64_t channels, float* mean, float* squares) {
  std::fill_n(mean, channels, 0.0f);
  std::fill_n(squares, channels, 0.0f);
  for (int64_t p = 0; p < pixels; ++p)
    sweep(0, channels, [&](int64_t c, auto n) {
      store(mean + c, load(mean + c, n) + load(x + p * channels + c, n), n);
    });
  for (int64_t c = 0; c < channels; ++c) mean[c] /= static_cast<float>(pixels);
  for (int64_t p = 0; p < pixels; ++p)
    sweep(0, channels, [&](int64_t c, auto n) {
      const Floats d = load(x + p * channels + c, n) - load(mean + c, n);
      store(squares + c, load(squares + c, n) + d * d, n);
    });
}

// Joins the chunks and channels of one group (Chan et al. 1979), in f64.
void group_statistics(const Chunks& chunks, const float* moments, int64_t image, int64_t c0,
                      int64_t c1, float eps, float* out) {
  double count = 0, mean = 0, squares = 0;
  for (int64_t k = image * chunks.per_image; k < (image + 1) * chunks.per_image; ++k) {
    const double n = chunks.pixels_of(k);
    const float* chunk = moments + k * 2 * chunks.channels;
    for (int64_t c = c0; c < c1; ++c) {
      const double delta = chunk[c] - mean, total = count + n;
      squares += chunk[chunks.channels + c] + delta * delta * count * n / total;
      mean += delta * n / total;
      count = total;
    }
  }
  out[0] = static_cast<float>(mean);
  out[1] = static_cast<float>(1.0 / std::sqrt(squares / count + eps));
}

// scale[c] and shift[c] such that the normalised value is x * scale + shift, before f.
template <class W>
void affine(const W* weight, const W* bias, const float* statistics, int64_t channels,
            int64_t groups, float* scale, float* shift) {
  const int64_t each = channels / groups;
  for (int64_t c = 0; c < channels; ++c) {
    const float mean = statistics[c / each * 2], rstd = statistics[c / each * 2 + 1];
    scale[c] = rstd * static_cast<float>(weight[c]);
    shift[c] = static_cast<float>(bias[c]) - mean * scale[c];
  }
}

template <class T, class W>
void group_norm(const GroupNorm& op, Workers& workers) {
  const Chunks chunks(op.x.shape);
  const int64_t channels = chunks.channels, groups = op.groups, each = channels / groups;
  float* moments = workers.scratch_of<float>(chunks.count * 2 * channels);
  float* statistics = op.statistics.as<float>();
  workers.for_each(chunks.count, 1, [&](int64_t k, int64_t) {
    float* mean = moments + k * 2 * channels;
    channel_moments(op.x.as<T>() + chunks.offset(k), chunks.pixels_of(k), channels, mean,
                    mean + channels);
  });
  workers.for_each(op.x.shape[0] * groups, 1, [&](int64_t g, int64_t) {
    const int64_t c0 = g % groups * each;
    group_statistics(chunks, moments, g / groups, c0, c0 + each, op.eps, statistics + 2 * g);
  });
  workers.for_each(chunks.count, 1, [&](int64_t k, int64_t) {
    float* scale = workers.thread_scratch_of<float>(2 * channels);
    float* shift = scale + channels;
    affine(op.weight.as<W>(), op.bias.as<W>(), statistics + chunks.image(k) * groups * 2, channels,
           groups, scale, shift);
    const T* x = op.x.as<T>() + chunks.offset(k);
    T* y = op.y.as<T>() + chunks.offset(k);
    for (int64_t p = 0; p < chunks.pixels_of(k); ++p, x += channels, y += channels)
      sweep(0, channels, [&](int64_t c, auto n) {
        const Floats z = fma(load(x + c, n), load(scale + c, n), load(shift + c, n));
        store(y + c, op.silu ? apply<Pointwise::silu>(z) : z, n);
      });
  });
}

// dy * f'(z) of one vector, z the value before f.
inline Floats through(bool silu, Floats dy, Floats z) {
  if (!silu) return dy;
  const Floats s = sigmoid(z);
  return dy * (s + z * s * (1.0f - s));
}

// With n = (x - mean) rstd, h = dy f'(z) and g = h weight, over each group:
// dx = rstd (g - mean(g) - n mean(g n)), dweight = sum h n, dbias = sum h.
// Both means follow from the per-channel sums of h and h n.
template <class T, class W>
void group_norm_backward(const GroupNormBackward& op, Workers& workers) {
  const Chunks chunks(op.x.shape);
  const int64_t images = op.x.shape[0], channels = chunks.channels;
  const int64_t groups = op.statistics.shape[1], each = channels / groups;
  const float* statistics = op.statistics.as<float>();
  const W* weight = op.weight.as<W>();
  float* sums = workers.scratch_of<float>(chunks.count * 2 * channels);
  workers.for_each(chunks.count, 1, [&](int64_t k, int64_t) {
    const float* of_image = statistics + chunks.image(k) * groups * 2;
    float* scale = workers.thread_scratch_of<float>(4 * channels);
    float *shift = scale + channels, *mean = shift + channels, *rstd = mean + channels;
    affine(weight, op.bias.as<W>(), of_image, channels, groups, scale, shift);
    for (int64_t c = 0; c < channels; ++c) {
      mean[c] = of_image[c / each * 2];
      rstd[c] = of_image[c / each * 2 + 1];
    }
    float *h_sum = sums + k * 2 * channels, *hn_sum = h_sum + channels;
    std::fill_n(h_sum, 2 * channels, 0.0f);
    const T *x = op.x.as<T>() + chunks.offset(k), *dy = op.dy.as<T>() + chunks.offset(k);
    for (int64_t p = 0; p < chunks.pixels_of(k); ++p, x += channels, dy += channels)
      sweep(0, channels, [&](int64_t c, auto n) {
        const Floats v = load(x + c, n), z = fma(v, load(scale + c, n), load(shift + c, n));
        const Floats h = through(op.silu, load(dy + c, n), z);
        const Floats normal = (v - load(mean + c, n)) * load(rstd + c, n);
        store(h_sum + c, load(h_sum + c, n) + h, n);
        store(hn_sum + c, fma(h, normal, load(hn_sum + c, n)), n);
      });
  });

  // Per image and channel, in the order of the chunks; then over images for the parameters.
  float* per_image = workers.scratch_of<float>(images * 2 * channels);
  for (int64_t i = 0; i < images; ++i) {
    float* total = per_image + i * 2 * channels;
    std::fill_n(total, 2 * channels, 0.0f);
    for (int64_t k = i * chunks.per_image; k < (i + 1) * chunks.per_image; ++k)
      for (int64_t c = 0; c < 2 * channels; ++c) total[c] += sums[k * 2 * channels + c];
  }
  if (op.dweight.present()) {
    for (int64_t c = 0; c < channels; ++c) {
      float h = 0, hn = 0;
      for (int64_t i = 0; i < images; ++i) {
        h += per_image[i * 2 * channels + c];
        hn += per_image[i * 2 * channels + channels + c];
      }
      op.dbias.as<W>()[c] = W(h);
      op.dweight.as<W>()[c] = W(hn);
    }
  }

  // dx = h scale - (a + x b), a and b the same for all pixels of a group.
  workers.for_each(chunks.count, 1, [&](int64_t k, int64_t) {
    const int64_t image = chunks.image(k);
    const float* of_image = statistics + image * groups * 2;
    const float* total = per_image + image * 2 * channels;
    float* scale = workers.thread_scratch_of<float>(4 * channels);
    float *shift = scale + channels, *a = shift + channels, *b = a + channels;
    affine(weight, op.bias.as<W>(), of_image, channels, groups, scale, shift);
    const float count = static_cast<float>(chunks.pixels * each);
    for (int64_t g = 0; g < groups; ++g) {
      float g_mean = 0, gn_mean = 0;
      for (int64_t c = g * each; c < (g + 1) * each; ++c) {
        g_mean += static_cast<float>(weight[c]) * total[c];
        gn_mean += static_cast<float>(weight[c]) * total[channels + c];
      }
      g_mean /= count;
      gn_mean /= count;
      const float mean = of_image[2 * g], rstd = of_image[2 * g + 1];
      for (int64_t c = g * each; c < (g + 1) * each; ++c) {
        b[c] = rstd * rstd * gn_mean;
        a[c] = rstd * g_mean - mean * b[c];
      }
    }
    const T *x = op.x.as<T>() + chunks.offset(k), *dy = op.dy.as<T>() + chunks.offset(k);
    T* dx = op.dx.as<T>() + chunks.offset(k);
    for (int64_t p = 0; p < chunks.pixels_of(k); ++p, x += channels, dy += channels, dx += channels)
      sweep(0, channels, [&](int64_t c, auto n) {
        const Floats v = load(x + c, n), s = load(scale + c, n);
        const Floats h = through(op.silu, load(dy + c, n), fma(v, s, load(shift + c, n)));
        store(dx + c, h * s - fma(v, load(b + c, n), load(a + c, n)), n);
      });
  });
}

}  // namespace

void run(const GroupNorm& op, Workers& workers) {
  with_float(op.x.dtype, [&](auto zero) {
    with_float(op.weight.dtype,
               [&](auto weight) { group_norm<decltype(zero), decltype(weight)>(op, workers); });
  });
}

void run(const GroupNormBackward& op, Workers& workers) {
  with_float(op.x.dtype, [&](auto zero) {
    with_float(op.weight.dtype, [&](auto weight) {
      group_norm_backward<decltype(zero), decltype(weight)>(op, workers);
    });
  });
}

}  // namespace stylear::cpu
