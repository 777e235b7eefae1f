// Convolutions by F(2 x 2, 3 x 3). The weights are transformed once, by all threads. A strip of
// squares is transformed, multiplied and transformed back by one thread, some columns at a time, so
// that all of it stays in the caches. A result's bits depend on the values and weights that it is
// summed of and on where in its square it lies, on nothing else.
#pragma once

#include <algorithm>

#include "gemm.h"
#include "sweep.h"
#include "winograd.h"
#include "workers.h"

namespace stylear::cpu {

// The element of a line at a depth and a tap (row by row), these strides apart.
template <class W>
struct Taps {
  const W* data;
  int64_t line, depth, tap;
};

// out(pixel of y, line) = sum over (u, v, depth) of x(row + u - top, column + v - left, depth)
// times weight(line, depth, 3 u + v), zero outside x; y is [x.images, height, width, lines].
template <class T, class W>
class WinogradConvolution {
 public:
  WinogradConvolution(const Pictures<T>& x, const Taps<W>& weight, int64_t height, int64_t width,
                      int64_t lines, int64_t top, int64_t left, const Output& out, Workers& workers)
      : x_(x),
        weight_(weight),
        height_(height),
        width_(width),
        lines_(lines),
        top_(top),
        left_(left),
        out_(out),
        workers_(workers),
        squares_(x.images, height, width) {}

  void run() {
    const int64_t squares = squares_.count();
    const int64_t even = round_up((squares - 1) / (4 * workers_.threads()) + 1, product_rows);
    strip_ = std::min(even, most_squares);
    zeros_ = workers_.scratch_of<T>(x_.channels);
    std::fill_n(zeros_, x_.channels, T{});
    transform_weights();
    workers_.for_each((squares + strip_ - 1) / strip_, 1, [&](int64_t strip, int64_t) {
      const int64_t begin = strip * strip_;
      multiply_strip(begin, std::min(strip_, squares - begin));
    });
  }

 private:
  static constexpr int64_t most_squares = round_up(36, product_rows);  // of a strip
  static constexpr int64_t block_cols = 64;  // of results that are made of a strip at once
  static_assert(block_cols % tile_cols == 0);

  int64_t panels() const { return (lines_ + tile_cols - 1) / tile_cols; }
  // [depth][tile_cols]
  float* weights_at(int64_t panel, int64_t place) const {
    return weights_ + (panel * winograd::places + place) * x_.channels * tile_cols;
  }

  void transform_weights() {
    constexpr int64_t chunk = 16;  // of depth
    const int64_t chunks = (x_.channels + chunk - 1) / chunk;
    weights_ = workers_.scratch_of<float>(panels() * winograd::places * x_.channels * tile_cols);
    workers_.for_each(panels() * chunks, 1, [&](int64_t piece, int64_t) {
      const int64_t panel = piece / chunks, depth = piece % chunks * chunk;
      const int64_t depths = std::min(chunk, x_.channels - depth);
      const int count = static_cast<int>(std::min<int64_t>(tile_cols, lines_ - panel * tile_cols));
      alignas(64) float taps[9][chunk * tile_cols];
      for (int64_t tap = 0; tap < 9; ++tap)
        DenseFactor<W>(weight_.data + tap * weight_.tap, weight_.line, weight_.depth)
            .pack(panel * tile_cols, count, tile_cols, depth, depths, taps[tap]);
      for (int64_t at = 0; at < depths * tile_cols; at += lanes)
        winograd::transform_both<3, 4>(
            winograd::weights_of, [&](size_t u, size_t v) { return load(taps[3 * u + v] + at); },
            [&](size_t u, size_t v, Floats x) {
              const auto place = static_cast<int64_t>(4 * u + v);
              store(weights_at(panel, place) + depth * tile_cols + at, x);
            });
    });
  }

  void multiply_strip(int64_t begin, int64_t count) {
    const int64_t depth = x_.channels, rows = round_up(count, product_rows);
    const int64_t values_stride = winograd::place_stride(rows * depth);
    const int64_t sums_stride = winograd::place_stride(rows * block_cols);
    float* values = workers_.thread_scratch_of<float>(winograd::places * values_stride);
    float* sums = workers_.thread_scratch_of<float>(winograd::places * sums_stride);
    for (int64_t i = 0; i < rows; ++i)
      // What pads the last rows is multiplied, and left.
      transform_values(begin + std::min(i, count - 1), values + i * depth, values_stride);
    for (int64_t first = 0; first < lines_; first += block_cols) {
      const int64_t cols = std::min(block_cols, lines_ - first);
      for (int64_t place = 0; place < winograd::places; ++place)
        for (int64_t col = 0; col < cols; col += tile_cols)
          tile_product<false, Lay::rows, Start::zero>(
              values + place * values_stride, depth, weights_at((first + col) / tile_cols, place),
              tile_cols, sums + place * sums_stride + col, block_cols, rows,
              std::min<int64_t>(tile_cols, round_up(cols - col, lanes)), depth);
      for (int64_t i = 0; i < count; ++i)
        take_results(begin + i, sums + i * block_cols, sums_stride, first, cols);
    }
  }

  void transform_values(int64_t square, float* to, int64_t stride) const {
    const auto [image, row, column] = squares_.at(square);
    const T* pixels[4][4];
    x_.find(image, row - top_, column - left_, zeros_, pixels);
    sweep(0, x_.channels, [&](int64_t c, auto here) {
      winograd::transform_values(pixels, c, here, to + c, stride);
    });
  }

  void take_results(int64_t square, const float* sums, int64_t stride, int64_t first,
                    int64_t cols) const {
    const auto [image, row, column] = squares_.at(square);
    alignas(64) float results[4][block_cols];
    for (int64_t c = 0; c < cols; c += lanes)
      winograd::transform_both<4, 2>(
          winograd::results_of,
          [&](size_t u, size_t v) {
            return load(sums + static_cast<int64_t>(4 * u + v) * stride + c);
          },
          [&](size_t u, size_t v, Floats x) { store(results[2 * u + v] + c, x); });
    for (int64_t u = 0; u < std::min<int64_t>(2, height_ - row); ++u)
      for (int64_t v = 0; v < std::min<int64_t>(2, width_ - column); ++v)
        out_.take((image * height_ + row + u) * width_ + column + v, 1, first,
                  static_cast<int>(cols), results[2 * u + v]);
  }

  const Pictures<T> x_;
  const Taps<W> weight_;
  const int64_t height_, width_, lines_, top_, left_;
  const Output& out_;
  Workers& workers_;
  const Squares squares_;
  int64_t strip_ = 0;
  T* zeros_ = nullptr;        // a pixel outside
  float* weights_ = nullptr;  // [panel][place][depth][tile_cols]
};

}  // namespace stylear::cpu
