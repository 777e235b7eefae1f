// The sides of convolutions as factors: pictures seen through the window of the kernel. Pictures
// are [images, height, width, channels]; no patch is stored, the packed panels are all there is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "factor.h"

namespace stylear::cpu {

// Where a pixel lies.
struct Place {
  int64_t image, row, column;

  Place(int64_t pixel, int64_t height, int64_t width)
      : image(pixel / width / height), row(pixel / width % height), column(pixel % width) {}

  // To the next pixel of pictures of this size.
  void step(int64_t height, int64_t width) {
    if (++column < width) return;
    column = 0;
    if (++row < height) return;
    row = 0;
    ++image;
  }
};

// What the three products of a convolution share.
struct Window {
  int64_t images, height, width;  // of x
  int64_t y_height, y_width;
  int64_t kernel_height, kernel_width;
  int64_t stride, top, left;

  int64_t taps() const { return kernel_height * kernel_width; }
  int64_t x_pixels() const { return images * height * width; }
  int64_t y_pixels() const { return images * y_height * y_width; }

  // The place in x under tap (u, v) of the window at `y`, a place in y; -1 outside the picture.
  int64_t x_under(Place y, int64_t u, int64_t v) const {
    const int64_t row = y.row * stride + u - top, column = y.column * stride + v - left;
    if (row < 0 || row >= height || column < 0 || column >= width) return -1;
    return (y.image * height + row) * width + column;
  }
  // The pixel of y whose window has `x`, a place in x, under tap (u, v); -1 where there is none.
  int64_t y_over(Place x, int64_t u, int64_t v) const {
    const int64_t row = x.row + top - u, column = x.column + left - v;
    if (row < 0 || column < 0 || (stride > 1 && (row % stride || column % stride))) return -1;
    const int64_t y_row = stride > 1 ? row / stride : row;
    const int64_t y_column = stride > 1 ? column / stride : column;
    if (y_row >= y_height || y_column >= y_width) return -1;
    return (x.image * y_height + y_row) * y_width + y_column;
  }
};

// Lines are pixels of one picture, depth is (tap, channel of the other picture), and
// `pixel_under(place of the line, u, v)` says where a tap reads.
template <class T, int64_t (Window::*pixel_under)(Place, int64_t, int64_t) const>
class PatchFactor final : public Factor {
 public:
  // `height` and `width` are those of the picture whose pixels are the lines.
  PatchFactor(const Window& window, int64_t height, int64_t width, const T* pixels,
              int64_t channels)
      : window_(window), height_(height), width_(width), pixels_(pixels), channels_(channels) {}

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

  int64_t most_stretches(Arithmetic arithmetic, int64_t depths) const override {
    const bool lie = arithmetic == Arithmetic::floats ? sizeof(T) == sizeof(float) : holds_bf16();
    return lie && channels_ >= shortest_stretch ? depths / channels_ + 2 : 0;
  }

  int64_t find(int64_t line, int lines, int width, int64_t depth, int64_t depths,
               Stretch* to) const override {
    constexpr int64_t per_word = sizeof(float) / sizeof(T);
    Stretch* stretch = to;
    for_taps(line, lines, depth, depths, [&](const T* const* starts, int64_t here, int64_t) {
      for (int i = 0; i < width; ++i) {
        const T* start = i < lines ? starts[i] : nullptr;
        stretch->starts[i] = start ? reinterpret_cast<const float*>(start) : zero_words;
      }
      stretch++->words = here / per_word;
    });
    return stretch - to;
  }

  // With an odd number of channels a pair would reach over two taps.
  bool holds_bf16() const override { return sizeof(T) == sizeof(bf16) && channels_ % 2 == 0; }

 private:
  static constexpr int64_t shortest_stretch = 16;

  // Calls fn(starts, here, done) for the stretches of depth that lie under one tap.
  template <class F>
  void for_taps(int64_t line, int lines, int64_t depth, int64_t depths, F&& fn) const {
    const Place first(line, height_, width_);
    for (int64_t done = 0; done < depths;) {
      const int64_t tap = (depth + done) / channels_, channel = (depth + done) % channels_;
      const int64_t here = std::min(channels_ - channel, depths - done);
      const int64_t u = tap / window_.kernel_width, v = tap % window_.kernel_width;
      const T* starts[max_tile_width];
      Place place = first;
      for (int i = 0; i < lines; ++i, place.step(height_, width_)) {
        const int64_t pixel = (window_.*pixel_under)(place, u, v);
        starts[i] = pixel < 0 ? nullptr : pixels_ + pixel * channels_ + channel;
      }
      fn(starts, here, done);
      done += here;
    }
  }

  const Window& window_;
  int64_t height_, width_;
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
      float* at = to + done;
      for_rows(depth, depths, v, [&](Place begin, int64_t before, int64_t inside, int64_t behind) {
        const int64_t pixel = inside > 0 ? window_.x_under(begin, u, v) : -1;
        // A row outside the picture is outside as a whole.
        if (pixel < 0) before += std::exchange(inside, 0);
        for (; before > 0; --before, at += width) std::fill_n(at, here, 0.0f);
        for (int64_t i = 0; i < inside; ++i, at += width)
          copy(x_ + (pixel + i * window_.stride) * channels_ + channel, here, at);
        for (; behind > 0; --behind, at += width) std::fill_n(at, here, 0.0f);
      });
      done += here;
    }
  }

  void pack_pairs(int64_t, int, int, int64_t, int64_t, uint32_t*) const override {}
  bool holds_bf16() const override { return false; }

 private:
  // Calls fn(place of the first inside, before, inside, behind) for the rows of y that the depths
  // lie in: how many of its pixels have tap v left of the picture, in it and right of it.
  template <class F>
  void for_rows(int64_t depth, int64_t depths, int64_t v, F&& fn) const {
    // Columns of y whose tap v is inside: at stride * column + v - left in [0, width).
    const int64_t stride = window_.stride, ahead = window_.left - v;
    const int64_t first = ahead <= 0 ? 0 : (ahead + stride - 1) / stride;
    const int64_t reach = window_.width + ahead;
    const int64_t last = reach <= 0 ? 0 : (reach + stride - 1) / stride;
    Place place(depth, window_.y_height, window_.y_width);
    while (depths > 0) {
      const int64_t end = std::min(place.column + depths, window_.y_width);
      const int64_t begin = std::clamp(first, place.column, end);
      const int64_t stop = std::clamp(last, begin, end);
      Place inside = place;
      inside.column = begin;
      fn(inside, begin - place.column, stop - begin, end - stop);
      depths -= end - place.column;
      place.column = end - 1;
      place.step(window_.y_height, window_.y_width);
    }
  }

  static void copy(const T* from, int count, float* to) {
    if (count == 2 * lanes) {
      store(to, load(from));
      store(to + lanes, load(from + lanes));
      return;
    }
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
