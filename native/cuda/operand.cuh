// Where the elements of a product's operands lie. An operand is a grid of lines; `at(line, col)` is
// the offset of an element in `data`, or -1 where the element is zero. Along a line neighbours are
// neighbours in memory: over the whole line (Dense), or over the channels of one pixel and tap
// (the others, which make convolutions products without a matrix of patches in memory).
//
// Where `vectors` holds, 8 elements from any column divisible by 8 are all zero or all neighbours
// whose address is aligned to 8 elements; the same then holds for 4.
#pragma once

#include "../core/tensor.h"
#include "gpu.h"

namespace stylear::cuda {

// n / d for 0 <= n < 2^31 and a divisor known to the host. Granlund & Montgomery 1994.
struct Divider {
  uint32_t divisor = 1, factor = 1, shift = 0;

  Divider() = default;
  explicit Divider(int64_t d) : divisor(static_cast<uint32_t>(d)) {
    while ((uint64_t{1} << shift) < divisor) ++shift;
    factor = static_cast<uint32_t>((((uint64_t{1} << shift) - divisor) << 32) / divisor + 1);
  }
  __device__ __forceinline__ int quotient(int n) const {
    const uint32_t u = static_cast<uint32_t>(n);
    return static_cast<int>((__umulhi(u, factor) + u) >> shift);
  }
};

struct Memory {
  const void* data;
  Dtype dtype;
  bool vectors;

  Memory(const TensorView& view, int64_t neighbours)
      : data(view.data), dtype(view.dtype), vectors(vectors_of(8, neighbours, view.data)) {}
};

// A matrix [lines, width].
struct Dense : Memory {
  int lines, width;

  Dense(const TensorView& view, int64_t lines, int64_t width)
      : Memory(view, width), lines(static_cast<int>(lines)), width(static_cast<int>(width)) {}
  __device__ __forceinline__ int64_t at(int line, int col) const {
    return line < lines && col < width ? int64_t{line} * width + col : -1;
  }
};

// The numbers of a convolution that its loaders share. `x` is [images, height, width, channels],
// `y` is [images, y_height, y_width, outs].
struct ConvShape {
  int images, height, width, channels, y_height, y_width, outs, taps;
  int stride, top, left;
  Divider by_channels, by_outs, by_kernel_width, by_width, by_height, by_y_width, by_y_height;
  Divider by_stride;

  ConvShape(const TensorView& x, const TensorView& weight, const TensorView& y, int64_t stride,
            const Ints& padding)
      : images(static_cast<int>(x.shape[0])),
        height(static_cast<int>(x.shape[1])),
        width(static_cast<int>(x.shape[2])),
        channels(static_cast<int>(x.shape[3])),
        y_height(static_cast<int>(y.shape[1])),
        y_width(static_cast<int>(y.shape[2])),
        outs(static_cast<int>(y.shape[3])),
        taps(static_cast<int>(weight.shape[1] * weight.shape[2])),
        stride(static_cast<int>(stride)),
        top(static_cast<int>(padding[0])),
        left(static_cast<int>(padding[1])),
        by_channels(channels),
        by_outs(outs),
        by_kernel_width(weight.shape[2]),
        by_width(width),
        by_height(height),
        by_y_width(y_width),
        by_y_height(y_height),
        by_stride(stride) {}
};

// x as y sees it: line = pixel of y, column = (tap, channel).
struct Patches : Memory {
  ConvShape conv;
  int lines, columns;

  Patches(const TensorView& x, const ConvShape& conv)
      : Memory(x, conv.channels),
        conv(conv),
        lines(conv.images * conv.y_height * conv.y_width),
        columns(conv.taps * conv.channels) {}
  __device__ __forceinline__ int64_t at(int line, int col) const {
    if (line >= lines || col >= columns) return -1;
    const int y_row = conv.by_y_width.quotient(line), j = line - y_row * conv.y_width;
    const int image = conv.by_y_height.quotient(y_row), i = y_row - image * conv.y_height;
    const int tap = conv.by_channels.quotient(col), channel = col - tap * conv.channels;
    const int u = conv.by_kernel_width.quotient(tap);
    const int v = tap - u * static_cast<int>(conv.by_kernel_width.divisor);
    const int h = i * conv.stride + u - conv.top, w = j * conv.stride + v - conv.left;
    if (h < 0 || w < 0 || h >= conv.height || w >= conv.width) return -1;
    return ((int64_t{image} * conv.height + h) * conv.width + w) * conv.channels + channel;
  }
};

// dy as dx sees it: line = pixel of x, column = (tap, out). Zero where no y has that tap there.
struct BackwardPatches : Memory {
  ConvShape conv;
  int lines, columns;

  BackwardPatches(const TensorView& dy, const ConvShape& conv)
      : Memory(dy, conv.outs),
        conv(conv),
        lines(conv.images * conv.height * conv.width),
        columns(conv.taps * conv.outs) {}
  __device__ __forceinline__ int64_t at(int line, int col) const {
    if (line >= lines || col >= columns) return -1;
    const int x_row = conv.by_width.quotient(line), w = line - x_row * conv.width;
    const int image = conv.by_height.quotient(x_row), h = x_row - image * conv.height;
    const int tap = conv.by_outs.quotient(col), out = col - tap * conv.outs;
    const int u = conv.by_kernel_width.quotient(tap);
    const int v = tap - u * static_cast<int>(conv.by_kernel_width.divisor);
    const int down = h + conv.top - u, right = w + conv.left - v;
    if (down < 0 || right < 0) return -1;
    const int i = conv.by_stride.quotient(down), j = conv.by_stride.quotient(right);
    if (i * conv.stride != down || j * conv.stride != right) return -1;
    if (i >= conv.y_height || j >= conv.y_width) return -1;
    return ((int64_t{image} * conv.y_height + i) * conv.y_width + j) * conv.outs + out;
  }
};

// The weight [out, tap, channel] with lines (tap, out).
struct TapLines : Memory {
  int outs, taps, channels;
  Divider by_outs;

  TapLines(const TensorView& weight, const ConvShape& conv)
      : Memory(weight, conv.channels),
        outs(conv.outs),
        taps(conv.taps),
        channels(conv.channels),
        by_outs(conv.outs) {}
  __device__ __forceinline__ int64_t at(int line, int col) const {
    if (line >= taps * outs || col >= channels) return -1;
    const int tap = by_outs.quotient(line), out = line - tap * outs;
    return (int64_t{out} * taps + tap) * channels + col;
  }
};

// ---- Reading pieces of a line. `vectors` is what the host knows of the operand.

// 8 elements of an operand of bf16.
template <class Operand>
__device__ __forceinline__ uint4 fetch_bf16(const Operand& operand, int line, int col) {
  float v[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int64_t at = operand.at(line, col + i);
    v[i] = at < 0 ? 0.0f : to_float(static_cast<const bf16*>(operand.data)[at]);
  }
  return make_uint4(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]),
                    pack_bf16(v[6], v[7]));
}

// 4 elements of an operand of f32 or bf16, as floats.
template <bool vectors, class Operand>
__device__ __forceinline__ float4 fetch_floats(const Operand& operand, int line, int col) {
  const auto* floats = static_cast<const float*>(operand.data);
  const auto* halves = static_cast<const bf16*>(operand.data);
  const bool wide = operand.dtype == Dtype::f32;
  if constexpr (vectors) {
    const int64_t at = operand.at(line, col);
    if (at < 0) return make_float4(0, 0, 0, 0);
    if (wide) return *reinterpret_cast<const float4*>(floats + at);
    const uint2 pairs = *reinterpret_cast<const uint2*>(halves + at);
    return make_float4(bf16_lo(pairs.x), bf16_hi(pairs.x), bf16_lo(pairs.y), bf16_hi(pairs.y));
  } else {
    float v[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int64_t at = operand.at(line, col + i);
      v[i] = at < 0 ? 0.0f : wide ? floats[at] : to_float(halves[at]);
    }
    return make_float4(v[0], v[1], v[2], v[3]);
  }
}

}  // namespace stylear::cuda
