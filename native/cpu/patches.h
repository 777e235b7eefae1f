// The sides of convolutions as factors: pictures seen through the window of the kernel. Pictures
// are [images, height, width, channels]; no patch is stored, the packed panels are all there is.
#pragma once

#include <algorithm>
#include <cstdint>

#include "factor.h"

namespace stylear::cpu {

// What the three products of a convolution share.
struct Window {
  int64_t images, height, width;  // of x
  int64_t y_height, y_width;
  int64_t kernel_height, kernel_width;
  int64_t stride, top, left;

  int64_t taps() const { return kernel_height * kernel_width; }
  int64_t x_pixels() const { return images * height * width; }
  int64_t y_pixels() const { return images * y_height * y_width; }

  // The pixel of x under tap (u, v) of the window at pixel `y` of y; -1 outside the picture.
  int64_t x_under(int64_t y, int64_t u, int64_t v) const {
    const int64_t j = y % y_width, rest = y / y_width;
    const int64_t row = rest % y_height * stride + u - top, column = j * stride + v - left;
    if (row < 0 || row >= height || column < 0 || column >= width) return -1;
    return (rest / y_height * height + row) * width + column;
  }
  // The pixel of y whose window has pixel `x` of x under tap (u, v); -1 where there is none.
  int64_t y_over(int64_t x, int64_t u, int64_t v) const {
    const int64_t column = x % width + left - v, rest = x / width, row = rest % height + top - u;
    if (row < 0 || column < 0 || row % stride || column % stride) return -1;
    if (row / stride >= y_height || column / stride >= y_width) return -1;
    return (rest / height * y_height + row / stride) * y_width + column / stride;
  }
};

// Lines are pixels of one picture, depth is (tap, channel of the other picture), and
// `pixel_under(line, u, v)` says where a tap reads.
template <class T, int64_t (Window::*pixel_under)(int64_t, int64_t, int64_t) const>
class PatchFactor final : public Factor {
 public:
  PatchFactor(const Window& window, const T* pixels, int64_t channels)
      : window_(window), pixels_(pixels), channels_(channels) {}

  void pack(int64_t line, int lines, int width, int64_t depth, int64_t depths,
            float* to) const override {
    for_taps(line, lines, depth, depths, [&](const T* const* starts, int64_t here, int64_t done) {
      pack_along(starts, lines, width, here, to + done * width);
    });
  }

  void pack_pairs(int64_t line, int lines, int width, int64_t depth, int64_t depths,
                  uint32_t* to) const override {
    if constexpr (sizeof(T) == sizeof(bf16))
      for_taps(line, lines, depth, depths, [&](const T* const* starts, int64_t here, int64_t done) {
        pack_pairs_along(starts, lines, width, here, to + done / 2 * width);
      });
  }

  // With an odd number of channels a pair would reach over two taps.
  bool holds_bf16() const override { return sizeof(T) == sizeof(bf16) && channels_ % 2 == 0; }

 private:
  // Calls fn(starts, here, done) for the stretches of depth that lie under one tap.
  template <class F>
  void for_taps(int64_t line, int lines, int64_t depth, int64_t depths, F&& fn) const {
    for (int64_t done = 0; done < depths;) {
      const int64_t tap = (depth + done) / channels_, channel = (depth + done) % channels_;
      const int64_t here = std::min(channels_ - channel, depths - done);
      const int64_t u = tap / window_.kernel_width, v = tap % window_.kernel_width;
      const T* starts[max_tile_width];
      for (int i = 0; i < lines; ++i) {
        const int64_t pixel = (window_.*pixel_under)(line + i, u, v);
        starts[i] = pixel < 0 ? nullptr : pixels_ + pixel * channels_ + channel;
      }
      fn(starts, here, done);
      done += here;
    }
  }

  const Window& window_;
  const T* pixels_;
  int64_t channels_;
};

// Lines are (tap, channel of x), depth is pixels of y: what a gradient of the weights is summed of.
template <class T>
class TransposedPatchFactor final : public Factor {
 public:
  TransposedPatchFactor(const Window& window, const T* x, int64_t channels)
      : window_(window), x_(x), channels_(channels) {}

  void pack(int64_t line, int lines, int width, int64_t depth, int64_t depths,
            float* to) const override {
    if (lines < width) std::fill_n(to, width * depths, 0.0f);
    for (int done = 0; done < lines;) {
      const int64_t tap = (line + done) / channels_, channel = (line + done) % channels_;
      const int here = static_cast<int>(std::min<int64_t>(channels_ - channel, lines - done));
      const int64_t u = tap / window_.kernel_width, v = tap % window_.kernel_width;
      for (int64_t d = 0; d < depths; ++d) {
        const int64_t pixel = window_.x_under(depth + d, u, v);
        float* at = to + d * width + done;
        if (pixel < 0)
          std::fill_n(at, here, 0.0f);
        else
          copy(x_ + pixel * channels_ + channel, here, at);
      }
      done += here;
    }
  }

  void pack_pairs(int64_t, int, int, int64_t, int64_t, uint32_t*) const override {}
  bool holds_bf16() const override { return false; }

 private:
  static void copy(const T* from, int count, float* to) {
    for (int i = 0; i < count; i += lanes)
      count - i >= lanes ? store(to + i, load(from + i))
                         : store(to + i, load(from + i, count - i), count - i);
  }

  const Window& window_;
  const T* x_;
  int64_t channels_;
};

// The weights [out, taps, in] with lines `in` and depth (tap, out).
template <class T>
class TransposedWeightFactor final : public Factor {
 public:
  TransposedWeightFactor(const T* weight, int64_t outs, int64_t taps, int64_t ins)
      : weight_(weight), outs_(outs), taps_(taps), ins_(ins) {}

  void pack(int64_t line, int lines, int width, int64_t depth, int64_t depths,
            float* to) const override {
    for_taps(depth, depths, [&](int64_t tap, int64_t out, int64_t here, int64_t done) {
      pack_across(at(tap, out, line), taps_ * ins_, lines, width, here, to + done * width);
    });
  }

  void pack_pairs(int64_t line, int lines, int width, int64_t depth, int64_t depths,
                  uint32_t* to) const override {
    if constexpr (sizeof(T) == sizeof(bf16))
      for_taps(depth, depths, [&](int64_t tap, int64_t out, int64_t here, int64_t done) {
        pack_pairs_across(at(tap, out, line), taps_ * ins_, lines, width, here,
                          to + done / 2 * width);
      });
  }

  bool holds_bf16() const override { return sizeof(T) == sizeof(bf16) && outs_ % 2 == 0; }

 private:
  const T* at(int64_t tap, int64_t out, int64_t in) const {
    return weight_ + (out * taps_ + tap) * ins_ + in;
  }
  template <class F>
  void for_taps(int64_t depth, int64_t depths, F&& fn) const {
    for (int64_t done = 0; done < depths;) {
      const int64_t tap = (depth + done) / outs_, out = (depth + done) % outs_;
      const int64_t here = std::min(outs_ - out, depths - done);
      fn(tap, out, here, done);
      done += here;
    }
  }

  const T* weight_;
  int64_t outs_, taps_, ins_;
};

}  // namespace stylear::cpu
