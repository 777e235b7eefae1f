// The two sides of a product as the packed multiplication (gemm.h) reads them. A factor is a matrix
// of lines (rows of the left side, columns of the right one) by depth, the axis that is summed. It
// is never stored as such: `pack` writes the piece that is needed, `width` lines side by side for
// each step of depth, so that the inner loop reads one stream.
#pragma once

#include <cstdint>
#include <cstring>

#include "pack.h"

namespace stylear::cpu {

// What the words of depth are that the inner loop multiplies.
enum class Arithmetic { floats, bf16_pairs };

// Lines as they lie in memory, for some words of depth, `max_stretch` at most.
struct Stretch {
  const float* starts[max_tile_width];  // of each line
  int64_t words;
};

constexpr int64_t max_stretch = 512;

// Where a line is zero.
alignas(64) inline constexpr float zero_words[max_stretch] = {};

class Factor {
 public:
  // Writes lines [line, line + lines) at depths [depth, depth + depths) as [depths][width] floats;
  // 0 < lines <= width, and the lanes beyond `lines` are 0.
  virtual void pack(int64_t line, int lines, int width, int64_t depth, int64_t depths,
                    float* to) const = 0;

  // The same as pairs of bf16, [(depths + 1) / 2][width], the lower half of each word the even
  // depth; an odd last depth is paired with 0. `depth` is even. Only where `holds_bf16`.
  virtual void pack_pairs(int64_t line, int lines, int width, int64_t depth, int64_t depths,
                          uint32_t* to) const = 0;

  virtual bool holds_bf16() const = 0;

  // How many stretches any `depths` elements of depth come to at most; 0 where lines do not lie in
  // memory as such words, in stretches that are long enough to be read in place, and have to be
  // packed.
  virtual int64_t most_stretches(Arithmetic arithmetic, int64_t depths) const {
    static_cast<void>(arithmetic), static_cast<void>(depths);
    return 0;
  }

  // Where the elements lie that `pack` or `pack_pairs` would write; returns the number of
  // stretches.
  virtual int64_t find(int64_t line, int lines, int width, int64_t depth, int64_t depths,
                       Stretch* to) const {
    static_cast<void>(line), static_cast<void>(lines), static_cast<void>(width);
    static_cast<void>(depth), static_cast<void>(depths), static_cast<void>(to);
    return 0;
  }

  // Whether neighbours in depth are neighbours in memory.
  virtual bool lies_along_depth() const { return true; }

  // Asks memory for the `part`-th of `parts` parts of a piece that will be packed soon.
  virtual void prefetch_part(int64_t line, int64_t lines, int64_t depth, int64_t depths,
                             int64_t part, int64_t parts) const {
    static_cast<void>(line), static_cast<void>(lines), static_cast<void>(depth);
    static_cast<void>(depths), static_cast<void>(part), static_cast<void>(parts);
  }

 protected:
  ~Factor() = default;
};

// A matrix in memory, transposed or not: one of its two strides is 1.
template <class T>
class DenseFactor final : public Factor {
 public:
  DenseFactor(const T* data, int64_t line_stride, int64_t depth_stride)
      : data_(data), line_stride_(line_stride), depth_stride_(depth_stride) {}

  void pack(int64_t line, int lines, int width, int64_t depth, int64_t depths,
            float* to) const override {
    const T* from = data_ + line * line_stride_ + depth * depth_stride_;
    if (line_stride_ == 1) return pack_across(from, depth_stride_, lines, width, depths, to);
    const T* starts[max_tile_width];
    for (int i = 0; i < lines; ++i) starts[i] = from + i * line_stride_;
    pack_along(starts, lines, width, depths, to);
  }

  void pack_pairs(int64_t line, int lines, int width, int64_t depth, int64_t depths,
                  uint32_t* to) const override {
    if constexpr (sizeof(T) == sizeof(bf16)) {
      const T* from = data_ + line * line_stride_ + depth * depth_stride_;
      if (line_stride_ == 1)
        return pack_pairs_across(from, depth_stride_, lines, width, depths, to);
      const T* starts[max_tile_width];
      for (int i = 0; i < lines; ++i) starts[i] = from + i * line_stride_;
      pack_pairs_along(starts, lines, width, depths, to);
    }
  }

  bool holds_bf16() const override { return sizeof(T) == sizeof(bf16); }

  bool lies_along_depth() const override { return depth_stride_ == 1; }

  void prefetch_part(int64_t line, int64_t lines, int64_t depth, int64_t depths, int64_t part,
                     int64_t parts) const override {
    const T* from = data_ + line * line_stride_ + depth * depth_stride_;
    const bool along = depth_stride_ == 1;  // else neighbours in memory are lines
    const int64_t streams = along ? lines : depths, length = along ? depths : lines;
    const int64_t stride = along ? line_stride_ : depth_stride_;
    for (int64_t i = streams * part / parts; i < streams * (part + 1) / parts; ++i)
      for (int64_t at = 0; at < length; at += line_bytes / static_cast<int64_t>(sizeof(T)))
        prefetch(from + i * stride + at);
  }

 private:
  static constexpr int64_t line_bytes = 64;

  const T* data_;
  int64_t line_stride_, depth_stride_;
};

}  // namespace stylear::cpu
