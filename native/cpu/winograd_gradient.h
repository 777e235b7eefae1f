// The gradient of the weights of a convolution, by F(3 x 3, 2 x 2). Strips of squares are
// transformed by all threads, and for each of the 16 places the gradients [squares, outs] are
// multiplied with the values [squares, ins], in the order of the squares: bits depend on the shapes
// alone.
#pragma once

#include <algorithm>

#include "gemm.h"
#include "sweep.h"
#include "winograd.h"
#include "workers.h"

namespace stylear::cpu {

template <class T>
class WinogradWeightGradient {
 public:
  // out(line of dy, tap * channels of x + channel) = sum over pixels of dy(pixel, line)
  // x(pixel under the tap, channel)
  WinogradWeightGradient(const Pictures<T>& x, const Pictures<T>& dy, int64_t top, int64_t left,
                         const Output& out, Workers& workers)
      : x_(x),
        dy_(dy),
        top_(top),
        left_(left),
        out_(out),
        workers_(workers),
        squares_(dy.images, dy.height, dy.width),
        rows_(round_up(dy.channels, product_rows)),
        cols_(round_up(x.channels, lanes)) {}

  void run() {
    constexpr int64_t strip_bytes = 2 << 20;
    const int64_t square_bytes = winograd::places * 4 * (x_.channels + dy_.channels);
    strip_ = std::clamp<int64_t>(strip_bytes / square_bytes, 64, 512);
    values_stride_ = winograd::place_stride(panels() * strip_ * tile_cols);
    gradients_stride_ = winograd::place_stride(blocks() * strip_ * block_rows);
    sums_stride_ = winograd::place_stride(rows_ * cols_);
    values_ = workers_.scratch_of<float>(winograd::places * values_stride_);
    gradients_ = workers_.scratch_of<float>(winograd::places * gradients_stride_);
    sums_ = workers_.scratch_of<float>(winograd::places * sums_stride_);
    zeros_ = workers_.scratch_of<T>(std::max(x_.channels, dy_.channels));
    std::fill_n(zeros_, std::max(x_.channels, dy_.channels), T{});
    for (int64_t begin = 0; begin < squares_.count(); begin += strip_) {
      const int64_t count = std::min(strip_, squares_.count() - begin);
      workers_.for_each(count, workers_.grain(count), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) transform(begin + i, i);
      });
      workers_.for_each(winograd::places * blocks(), 1, [&](int64_t piece, int64_t) {
        multiply_strip(piece / blocks(), piece % blocks(), count, begin == 0);
      });
    }
    workers_.for_each(dy_.channels, workers_.grain(dy_.channels), [&](int64_t first, int64_t last) {
      float* taps = workers_.thread_scratch_of<float>(9 * cols_);
      for (int64_t line = first; line < last; ++line) take_taps(line, taps);
    });
  }

 private:
  // Gradients that lie side by side.
  static constexpr int64_t block_rows = 48;
  static_assert(block_rows % product_rows == 0 && block_rows % lanes == 0);

  int64_t panels() const { return (cols_ + tile_cols - 1) / tile_cols; }
  int64_t blocks() const { return (rows_ + block_rows - 1) / block_rows; }
  // [strip][tile_cols]
  float* values_at(int64_t place, int64_t panel) const {
    return values_ + place * values_stride_ + panel * strip_ * tile_cols;
  }
  // [strip][block_rows]
  float* gradients_at(int64_t place, int64_t block) const {
    return gradients_ + place * gradients_stride_ + block * strip_ * block_rows;
  }

  void transform(int64_t square, int64_t at) const {
    const auto [image, row, column] = squares_.at(square);
    const T* pixels[4][4];
    x_.find(image, row - top_, column - left_, zeros_, pixels);
    sweep(0, x_.channels, [&](int64_t c, auto here) {
      float* to = values_at(0, c / tile_cols) + at * tile_cols + c % tile_cols;
      winograd::transform_values(pixels, c, here, to, values_stride_);
    });
    const T* results[2][2];
    dy_.find(image, row, column, zeros_, results);
    sweep(0, dy_.channels, [&](int64_t c, auto here) {
      float* to = gradients_at(0, c / block_rows) + at * block_rows + c % block_rows;
      winograd::transform_both<2, 4>(
          winograd::gradients_of, [&](size_t u, size_t v) { return load(results[u][v] + c, here); },
          [&](size_t u, size_t v, Floats x) {
            store(to + static_cast<int64_t>(4 * u + v) * gradients_stride_, x, here);
          });
    });
  }

  void multiply_strip(int64_t place, int64_t block, int64_t count, bool first) const {
    const int64_t begin = block * block_rows, rows = std::min(block_rows, rows_ - begin);
    // So many squares of two panels stay in the first cache.
    constexpr int64_t depth = 128;
    for (int64_t at = 0; at < count; at += depth, first = false)
      for (int64_t panel = 0; panel < panels(); ++panel) {
        const int64_t col = panel * tile_cols;
        const auto product = first ? tile_product<false, Lay::columns, Start::zero>
                                   : tile_product<false, Lay::columns, Start::held>;
        product(gradients_at(place, block) + at * block_rows, block_rows,
                values_at(place, panel) + at * tile_cols, tile_cols,
                sums_ + place * sums_stride_ + begin * cols_ + col, cols_, rows,
                std::min<int64_t>(tile_cols, cols_ - col), std::min(depth, count - at), nullptr);
      }
  }

  void take_taps(int64_t line, float* taps) const {
    for (int64_t c = 0; c < cols_; c += lanes)
      winograd::transform_both<4, 3>(
          winograd::taps_of,
          [&](size_t u, size_t v) {
            const auto place = static_cast<int64_t>(4 * u + v);
            return load(sums_ + place * sums_stride_ + line * cols_ + c);
          },
          [&](size_t u, size_t v, Floats x) {
            store(taps + static_cast<int64_t>(3 * u + v) * cols_ + c, x);
          });
    for (int64_t tap = 0; tap < 9; ++tap)
      out_.take(line, 1, tap * x_.channels, static_cast<int>(x_.channels), taps + tap * cols_);
  }

  const Pictures<T> x_, dy_;
  const int64_t top_, left_;
  const Output& out_;
  Workers& workers_;
  const Squares squares_;
  const int64_t rows_, cols_;
  int64_t strip_ = 0, values_stride_ = 0, gradients_stride_ = 0, sums_stride_ = 0;
  float* values_ = nullptr;     // [place][panel][strip][tile_cols]
  float* gradients_ = nullptr;  // [place][block][strip][block_rows]
  float* sums_ = nullptr;       // [place][rows][cols]
  T* zeros_ = nullptr;          // a pixel outside
};

}  // namespace stylear::cpu
