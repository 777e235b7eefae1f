// Products of a few rows with a weight matrix that is read once, in place: dot products along the
// inner axis, bound by memory. A tile of weight rows (outs) by activation rows is summed in
// registers, so that one load and one widening of a weight feed every row. The sum of one result
// runs over the inner axis lane by lane, from first to last, then over the lanes by halves: its
// bits depend on the two lines alone.
#pragma once

#include <cstdint>
#include <cstring>

#include "dot_pairs.h"
#include "simd.h"

namespace stylear::cpu {

// How a chunk of 2 * lanes weights is read, and how the activations that meet it are stored.
//
// Weights in f32 and i8 meet two vectors of floats in their own order.
template <class T>
struct WeightsInOrder {
  using Weight = T;
  static constexpr int chunk_words = 2 * lanes;  // 4-byte words of activations for one chunk
  struct Chunk {
    Floats first, second;
  };
  static Chunk read(const T* w) { return {load(w), load(w + lanes)}; }
  static Floats add(const Chunk& w, const float* x, Floats sum) {
    return fma(w.second, load(x + lanes), fma(w.first, load(x), sum));
  }
  template <class X>
  static void write_activations(const X* x, float* to) {
    store(to, load(x)), store(to + lanes, load(x + lanes));
  }
};

// Weights in bf16 are widened by a shift and a mask, which part the even from the odd ones; the
// activations are parted likewise.
struct Bf16Weights {
  using Weight = bf16;
  static constexpr int chunk_words = 2 * lanes;
  struct Chunk {
    Floats even, odd;
  };
  static Chunk read(const bf16* w) {
    Int32s words;
    std::memcpy(&words, w, sizeof words);
    return {floats_of(words << 16), floats_of(words & static_cast<int>(0xffff0000))};
  }
  static Floats add(const Chunk& w, const float* x, Floats sum) {
    return fma(w.odd, load(x + lanes), fma(w.even, load(x), sum));
  }
  template <class X>
  static void write_activations(const X* x, float* to) {
    for (int i = 0; i < lanes; ++i) {
      to[i] = to_float(x[2 * i]);
      to[lanes + i] = to_float(x[2 * i + 1]);
    }
  }
};

// Weights and activations in bf16, as pairs.
struct Bf16PairWeights {
  using Weight = bf16;
  static constexpr int chunk_words = lanes;
  struct Chunk {
    Floats pairs;
  };
  static Chunk read(const bf16* w) {
    Chunk chunk;
    std::memcpy(&chunk.pairs, w, sizeof chunk.pairs);
    return chunk;
  }
  static Floats add(const Chunk& w, const float* x, Floats sum) {
    return dot_pairs(w.pairs, load(x), sum);
  }
  static void write_activations(const bf16* x, float* to) {
    std::memcpy(to, x, 2 * lanes * sizeof *x);
  }
};

constexpr int chunk_depth = 2 * lanes;

inline int64_t chunks_of(int64_t depth) { return (depth + chunk_depth - 1) / chunk_depth; }

// One row of activations as `Weights` wants to meet it, padded with zeros to whole chunks.
template <class Weights, class X>
void write_activation_row(const X* x, int64_t depth, float* to) {
  int64_t d = 0;
  for (; d + chunk_depth <= depth; d += chunk_depth, to += Weights::chunk_words)
    Weights::write_activations(x + d, to);
  if (d == depth) return;
  X rest[chunk_depth] = {};
  std::memcpy(rest, x + d, static_cast<size_t>(depth - d) * sizeof(X));
  Weights::write_activations(rest, to);
}

// How many bytes before its use a weight is asked for.
constexpr int64_t prefetch_bytes = 4096;

// sums[r * sums_stride + o] = weight row o . activation row r, for `outs` x `rows` of them.
template <class Weights, int outs, int rows>
void dot_tile(const typename Weights::Weight* w, const float* x, int64_t x_stride, int64_t depth,
              float* sums, int64_t sums_stride) {
  using Chunk = typename Weights::Chunk;
  Floats sum[outs][rows];
#pragma GCC unroll 8
  for (int o = 0; o < outs; ++o)
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) sum[o][r] = Floats{};

  const auto add = [&](const Chunk(&chunk)[outs], const float* at) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
      for (int o = 0; o < outs; ++o)
        sum[o][r] = Weights::add(chunk[o], at + r * x_stride, sum[o][r]);
  };
  // Chunks [begin, end), asking for weights `ahead` elements further on.
  const int64_t whole = depth / chunk_depth;
  const auto add_chunks = [&](int64_t begin, int64_t end, int64_t ahead) {
    for (int64_t c = begin; c < end; ++c) {
      Chunk chunk[outs];
#pragma GCC unroll 8
      for (int o = 0; o < outs; ++o) {
        const auto* at = w + o * depth + c * chunk_depth;
        chunk[o] = Weights::read(at);
        prefetch(at + ahead);
      }
      add(chunk, x + c * Weights::chunk_words);
    }
  };
  // Ahead of the end of these rows lie the rows of the next tile.
  const int64_t ahead = prefetch_bytes / static_cast<int64_t>(sizeof *w);
  const int64_t turn = whole - ahead / chunk_depth > 0 ? whole - ahead / chunk_depth : 0;
  add_chunks(0, turn, ahead);
  add_chunks(turn, whole, ahead + (outs - 1) * depth);

  if (whole * chunk_depth < depth) {
    Chunk chunk[outs];
    for (int o = 0; o < outs; ++o) {
      typename Weights::Weight rest[chunk_depth] = {};
      std::memcpy(rest, w + o * depth + whole * chunk_depth,
                  static_cast<size_t>(depth - whole * chunk_depth) * sizeof *w);
      chunk[o] = Weights::read(rest);
    }
    add(chunk, x + whole * Weights::chunk_words);
  }
#pragma GCC unroll 8
  for (int o = 0; o < outs; ++o)
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) sums[r * sums_stride + o] = cpu::sum(sum[o][r]);
}

constexpr int most_tile_rows = 8;

namespace detail {

template <class Weights, int rows>
void dot_rows(const typename Weights::Weight* w, int64_t outs, const float* x, int64_t x_stride,
              int64_t depth, float* sums, int64_t sums_stride) {
  constexpr int tile_outs = rows > 4 ? 3 : 4;
  int64_t o = 0;
  for (; o + tile_outs <= outs; o += tile_outs)
    dot_tile<Weights, tile_outs, rows>(w + o * depth, x, x_stride, depth, sums + o, sums_stride);
  for (; o < outs; ++o)
    dot_tile<Weights, 1, rows>(w + o * depth, x, x_stride, depth, sums + o, sums_stride);
}

}  // namespace detail

// sums[r * sums_stride + o] for any `outs` and up to `most_tile_rows` rows.
template <class Weights, int compiled = most_tile_rows>
void dot_rows(const typename Weights::Weight* w, int64_t outs, int rows, const float* x,
              int64_t x_stride, int64_t depth, float* sums, int64_t sums_stride) {
  if constexpr (compiled > 1)
    if (rows < compiled)
      return dot_rows<Weights, compiled - 1>(w, outs, rows, x, x_stride, depth, sums, sums_stride);
  detail::dot_rows<Weights, compiled>(w, outs, x, x_stride, depth, sums, sums_stride);
}

}  // namespace stylear::cpu
