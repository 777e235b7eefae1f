// Convolutions of 3 x 3 taps, a pixel apart, in fewer multiplications (Lavin & Gray 2016, "Fast
// Algorithms for Convolutional Neural Networks"). Results are made in squares of 2 x 2, which see
// 4 x 4 pixels. Values, weights and results are transformed, each along both axes, to 16 places, so
// that every place is a product of its own: 16 multiplications instead of 36, for the results
// (F(2 x 2, 3 x 3), winograd_convolution.h) as for the gradient of the nine taps (F(3 x 3, 2 x 2),
// winograd_gradient.h).
//
// As exact as a sum over taps: of 128 channels and results of about 1 either errs by 3.5e-7 (root
// mean square). An infinity makes all of its square NaN.
#pragma once

#include <array>
#include <cstdint>

#include "tile_product.h"

namespace stylear::cpu {

// Pictures [images, height, width, channels].
template <class T>
struct Pictures {
  const T* data;
  int64_t images, height, width, channels;

  // The square of size x size pixels from (row, column) on; `outside` where there are none.
  template <int size>
  void find(int64_t image, int64_t row, int64_t column, const T* outside,
            const T* (&pixels)[size][size]) const {
    for (int64_t u = 0; u < size; ++u)
      for (int64_t v = 0; v < size; ++v) {
        const int64_t r = row + u, c = column + v;
        const bool inside = r >= 0 && r < height && c >= 0 && c < width;
        pixels[u][v] = inside ? data + ((image * height + r) * width + c) * channels : outside;
      }
  }
};

// The squares of 2 x 2 that results are made in.
class Squares {
 public:
  // Of pictures of results.
  Squares(int64_t images, int64_t height, int64_t width)
      : images_(images), down_((height + 1) / 2), across_((width + 1) / 2) {}

  int64_t count() const { return images_ * down_ * across_; }

  struct Place {
    int64_t image, row, column;  // of the first of the four
  };
  Place at(int64_t square) const {
    const int64_t rest = square / across_;
    return {rest / down_, rest % down_ * 2, square % across_ * 2};
  }

 private:
  int64_t images_, down_, across_;
};

// Whether a convolution of 3 x 3 taps takes less time so; `pixels` are those of the results that
// the choice may depend on. On a Zen 3, forward: of 16 x 16 pixels with 128 channels 435 us instead
// of 534, of 8 x 8 288 instead of 155; of 192 x 192 29 ms instead of 58; of 64 x 64 from 3 channels
// to 32 100 us instead of 183, from 32 to 3 126 instead of 218. On a Zen 4 with 16 lanes in the
// same order 224 us instead of 442, 24.6 ms instead of 53.3, 64 us instead of 131, 118 instead of
// 330.
constexpr bool suits_winograd(int64_t pixels) { return pixels >= 256; }
// The gradient of the weights: of 8 pictures of 64 x 64 with 16 channels 0.9 ms instead of 1.7, of
// one from 64 channels to 3 0.52 instead of 0.40. On a Zen 4 the first 1.0 instead of 1.6.
constexpr bool suits_winograd_gradient(int64_t pixels, int64_t ins, int64_t outs) {
  return suits_winograd(pixels) && ins >= 16 && outs >= 16;
}

namespace winograd {

constexpr int places = 16;  // of a square of 4 x 4

// Floats from one place to the next, so that the 16 do not meet in the same sets of a cache.
constexpr int64_t place_stride(int64_t floats) { return round_up(floats, 1024) + 64; }

// The transforms of one column or row: B^T of the pixels, G of the taps and A^T of the sums,
inline constexpr auto values_of = [](Floats a, Floats b, Floats c, Floats d) {
  return std::array<Floats, 4>{a - c, b + c, c - b, b - d};
};
inline constexpr auto weights_of = [](Floats a, Floats b, Floats c) {
  const Floats half = (a + c) * 0.5f, middle = b * 0.5f;
  return std::array<Floats, 4>{a, half + middle, half - middle, c};
};
inline constexpr auto results_of = [](Floats a, Floats b, Floats c, Floats d) {
  return std::array<Floats, 2>{a + b + c, b - c - d};
};
// and for the gradient of the taps G of that of the results, and A^T of the sums.
inline constexpr auto gradients_of = [](Floats a, Floats b) {
  return std::array<Floats, 4>{a, (a + b) * 0.5f, (a - b) * 0.5f, b};
};
inline constexpr auto taps_of = [](Floats a, Floats b, Floats c, Floats d) {
  return std::array<Floats, 3>{a + b + c, b - c, b + c - d};
};

// Along both axes: of `in` rows and columns, of which read(row, column) gives a vector, to `out`
// rows and columns, which put(row, column, vector) takes; transform(in vectors) gives out of them.
template <size_t in, size_t out, class Transform, class Read, class Put>
[[gnu::always_inline]] inline void transform_both(Transform transform, Read read, Put put) {
  std::array<Floats, out> down[in];
#pragma GCC unroll 4
  for (size_t v = 0; v < in; ++v) {
    if constexpr (in == 2) down[v] = transform(read(0, v), read(1, v));
    if constexpr (in == 3) down[v] = transform(read(0, v), read(1, v), read(2, v));
    if constexpr (in == 4) down[v] = transform(read(0, v), read(1, v), read(2, v), read(3, v));
  }
#pragma GCC unroll 4
  for (size_t u = 0; u < out; ++u) {
    std::array<Floats, out> across;
    if constexpr (in == 2) across = transform(down[0][u], down[1][u]);
    if constexpr (in == 3) across = transform(down[0][u], down[1][u], down[2][u]);
    if constexpr (in == 4) across = transform(down[0][u], down[1][u], down[2][u], down[3][u]);
#pragma GCC unroll 4
    for (size_t v = 0; v < out; ++v) put(u, v, across[v]);
  }
}

// The pixels of a square, a vector of channels from `c` on; places are `stride` floats apart.
template <class T, class Count>
void transform_values(const T* const (&pixels)[4][4], int64_t c, Count here, float* to,
                      int64_t stride) {
  transform_both<4, 4>(
      values_of, [&](size_t u, size_t v) { return load(pixels[u][v] + c, here); },
      [&](size_t u, size_t v, Floats x) {
        store(to + static_cast<int64_t>(4 * u + v) * stride, x, here);
      });
}

}  // namespace winograd

}  // namespace stylear::cpu
