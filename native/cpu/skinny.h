// Products of a few rows with a weight matrix that is read once, in place: dot products along the
// inner axis, bound by memory. A tile of weight rows (outs) by activation rows is summed in
// registers, so that one load and one widening of a weight feed every row of it. Depth is walked in
// blocks, as long as suits the caches; the unfinished sums, a vector each, wait in memory. The sum
// of one result runs over depth lane by lane, from first to last, then over the lanes by halves:
// its bits depend on the two lines alone, whatever the tile and the block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "dot_pairs.h"
#include "transpose.h"

namespace stylear::cpu {

// Weight rows that meet every activation row before the next ones are read; a multiple of the outs
// of each tile and of `lanes`.
constexpr int64_t skinny_outs = 48;

// The outs that are summed together, and how much of their depth before the next ones. Meanwhile
// the weights two tiles on are asked for, into the second cache: into the first, few can be waited
// for at a time. Where whole rows are walked and `stream` is not 0, those so many elements ahead in
// the order of memory, into the first.
//
// On a Zen 4 bf16 pairs by 4 rows, six outs and depths of 4096, went so at 0.96 of read bandwidth,
// by 8 rows, three outs and depths of 1024, at 0.80; asked for a tile on and into the first cache
// at 0.89 and 0.69. With 8 lanes 1, 2, 4, 8 rows of bf16 went at 0.95, 0.99, 1.00, 0.58, and so at
// 0.88, 0.85, 0.78, 0.46.
struct Tile {
  int outs;
  int64_t depth;
  int64_t stream = 0;
};

// As many sums as leave registers for the weights of a tile and a vector of activations, which come
// from the second cache: memory is read fastest along few long rows. On a Zen 4 2, 4 rows of 16
// lanes went so at 0.95, 0.96 of read bandwidth in bf16 and 0.99, 0.66 in i8, with depths of 512 at
// 0.86, 0.79 and 0.69, 0.57. More rows are bound by arithmetic and stay in the first cache: 8 of
// f32 went by depths of 512 at 0.78, of 4096 at 0.72.
constexpr Tile widest_tile(int rows) {
  constexpr int registers = lanes == 16 ? 32 : 16;
  int outs = lanes == 16 ? 8 : 4;
  while (outs > 1 && (outs * rows + outs + 1 > registers || skinny_outs % outs != 0)) --outs;
  return {outs, rows <= 4 ? 4096 : lanes == 16 ? 512 : 1024};
}

// Where bf16 are multiplied in pairs the best tiles depend on the first cache of a core: 32 KiB, as
// of a Zen 4, or 48 KiB, as of a Zen 5. The results do not.
enum class FirstCache { small, large };

// How weights are read. A chunk of them, one register's width in memory, is widened to `parts`
// vectors; each meets a vector of activations, which are stored in the order of the parts.
// `most_rows` activation rows are summed in one tile.
//
// With 16 registers tiles of 12 sums are best, 4 rows by 3 outs or 6 by 2: fewer wait for each
// other. On a Zen 2 by 4, 6, 8, 16, 64 rows bf16 went so at 111, 138, 135, 156, 165 GFLOP/s, in
// tiles of 8 sums at 102, 110, 115, 122, 126. Groups of rows as long as each other gained nothing.
//
// f32 and i8 stay in their own order.
template <class T>
struct WeightsInOrder {
  using Weight = T;
  static constexpr int parts = 4 / sizeof(T);
  static constexpr int depth = parts * lanes;
  static constexpr int most_rows = lanes == 16 ? 8 : sizeof(T) == 1 ? 4 : 6;
  static constexpr Tile tile(int rows) { return widest_tile(rows); }
  template <int part>
  static Floats read(const T* w) {
    return load(w + part * lanes);
  }
  static Floats add(Floats w, Floats x, Floats sum) { return fma(w, x, sum); }
  template <class X>
  static void write_activations(const X* x, float* to) {
    for (int part = 0; part < parts; ++part) store(to + part * lanes, load(x + part * lanes));
  }
};

// bf16 are widened by shifts or a mask, which part the even from the odd ones.
struct Bf16Weights {
  using Weight = bf16;
  static constexpr int parts = 2;
  static constexpr int depth = 2 * lanes;
  static constexpr int most_rows = lanes == 16 ? 8 : 6;
  static constexpr Tile tile(int rows) { return widest_tile(rows); }
  template <int part>
  static Floats read(const bf16* w) {
    Int32s words;
    std::memcpy(&words, w, sizeof words);
    if constexpr (part == 0) return floats_of(words << 16);
    // With 16 registers a mask would take one, which is what GCC makes of two shifts in a row.
    return floats_of(lanes == 16 ? words & -65536 : kept(words >> 16) << 16);
  }
  static Floats add(Floats w, Floats x, Floats sum) { return fma(w, x, sum); }
  template <class X>
  static void write_activations(const X* x, float* to) {
    if constexpr (sizeof(X) == sizeof(bf16)) {
      store(to, read<0>(x)), store(to + lanes, read<1>(x));
    } else {
      for (int i = 0; i < lanes; ++i) to[i] = x[2 * i], to[lanes + i] = x[2 * i + 1];
    }
  }
};

// bf16 weights and activations, as pairs.
//
// Pairs leave time to spare, so tiles are chosen for memory. On a Zen 5 it is read fastest as one
// stream, a weight row from end to end: [32768, 4096] by 1, 2, 4 rows went so at 1.00, 0.99, 0.93
// of read bandwidth, by 8, 6, 4 outs and depths of 512 at 0.83, 0.82, 0.77. What is asked for
// shares the first cache with the activations: 8 KiB ahead by 4 rows went at 0.84. 8 rows need
// wider tiles.
//
// A Zen 4 has room for the activations of a stream only in the second cache, and reads those of 4
// rows there at 0.58; wide tiles share them. 8 rows keep theirs in the first, which two outs by
// depths of 1024 leave half free: 0.88, three outs 0.81, depths of 2048 0.62.
template <FirstCache cache>
struct Bf16PairWeights {
  using Weight = bf16;
  static constexpr int parts = 1;
  static constexpr int depth = 2 * lanes;
  static constexpr int most_rows = 8;
  static constexpr Tile tile(int rows) {
    if (cache == FirstCache::large) return rows <= 4 ? Tile{1, 16384 / rows, 3840} : Tile{3, 1024};
    return rows <= 4 ? Tile{6, 4096} : rows < 8 ? Tile{4, 4096} : Tile{2, 1024};
  }
  template <int part>
  static Floats read(const bf16* w) {
    Floats pairs;
    std::memcpy(&pairs, w, sizeof pairs);
    return pairs;
  }
  static Floats add(Floats w, Floats x, Floats sum) { return dot_pairs(w, x, sum); }
  static void write_activations(const bf16* x, float* to) {
    std::memcpy(to, x, 2 * lanes * sizeof *x);
  }
};

// i8 weights widened to bf16, which is exact, and bf16 activations, as pairs. One out at a time
// would wait for its own sum where memory is fast: by 1 and 2 rows 0.69 and 0.63 of 73 GB/s. Two
// that are asked for in the order of memory reached 0.96 of 50 GB/s, each by itself 0.82. On a
// Zen 4 1, 2, 4 rows by six went at 1.02, 1.00, 0.90, by those two at 1.02, 1.00, 0.83.
template <FirstCache cache>
struct I8PairWeights {
  using Weight = int8_t;
  static constexpr int parts = 2;
  static constexpr int depth = 4 * lanes;
  static constexpr int most_rows = 8;
  static constexpr Tile tile(int rows) {
    if (cache == FirstCache::large)
      return rows <= 2 ? Tile{2, 4096, 10240} : rows <= 4 ? Tile{2, 4096} : Tile{3, 2048};
    return rows <= 4 ? Tile{6, 4096} : rows < 8 ? Tile{4, 4096} : Tile{3, 4096};
  }
  template <int part>
  static Floats read(const int8_t* w) {
    const int8_t* at = w + part * 2 * lanes;
    return pairs_in_order(load(at), load(at + lanes));
  }
  static Floats add(Floats w, Floats x, Floats sum) { return dot_pairs(w, x, sum); }
  static void write_activations(const bf16* x, float* to) {
    std::memcpy(to, x, 4 * lanes * sizeof *x);
  }
};

// Activations as `Weights` meet them: [groups of rows][chunks of depth][rows of the
// group][words], so that a tile reads one stream; the last chunk is filled up with zeros.
template <class Weights>
class Activations {
 public:
  static constexpr int chunk_words = Weights::parts * lanes;

  // Room for `floats(rows, depth)` is the caller's.
  static int64_t floats(int64_t rows, int64_t depth) { return rows * chunks(depth) * chunk_words; }

  Activations(float* room, int64_t rows, int64_t depth) : room_(room), rows_(rows), depth_(depth) {}

  template <class X>
  void write_row(int64_t row, const X* x) const {
    constexpr int64_t chunk = Weights::depth;
    const int64_t group = row / Weights::most_rows * Weights::most_rows;
    const int64_t stride = std::min<int64_t>(Weights::most_rows, rows_ - group) * chunk_words;
    float* to = room_ + group * chunks(depth_) * chunk_words + (row - group) * chunk_words;
    int64_t d = 0;
    for (; d + chunk <= depth_; d += chunk, to += stride) Weights::write_activations(x + d, to);
    if (d == depth_) return;
    X rest[chunk] = {};
    std::memcpy(rest, x + d, static_cast<size_t>(depth_ - d) * sizeof(X));
    Weights::write_activations(rest, to);
  }

  // Those of the group that begins with `row`, the first of one, and has `rows` from `depth` on.
  const float* tile(int64_t row, int rows, int64_t depth) const {
    return room_ + (row * chunks(depth_) + depth / Weights::depth * rows) * chunk_words;
  }

 private:
  static int64_t chunks(int64_t depth) { return (depth + Weights::depth - 1) / Weights::depth; }

  float* room_;
  int64_t rows_, depth_;
};

template <class Weights>
class SkinnyProduct {
 public:
  using Weight = typename Weights::Weight;

  // weight [outs, depth].
  SkinnyProduct(const Weight* weight, int64_t depth, const Activations<Weights>& x, int64_t rows)
      : weight_(weight), depth_(depth), x_(x), rows_(rows) {}

  // What `multiply` needs: [rows][skinny_outs] vectors.
  static int64_t sums_floats(int64_t rows) { return rows * skinny_outs * lanes; }

  // Calls take(row, sums) for each row, sums [count] those of outs [out, out + count);
  // count <= skinny_outs.
  template <class Take>
  void multiply(int64_t out, int64_t count, float* waiting, Take&& take) const {
    const int64_t block =
        block_depth(static_cast<int>(std::min<int64_t>(Weights::most_rows, rows_)));
    for (int64_t begin = 0; begin < depth_; begin += block)
      for (int64_t row = 0; row < rows_; row += Weights::most_rows)
        multiply_rows(static_cast<int>(std::min<int64_t>(Weights::most_rows, rows_ - row)),
                      {out, count, row, begin, std::min(begin + block, depth_)},
                      waiting + row * skinny_outs * lanes);

    for (int64_t row = 0; row < rows_; ++row) {
      float sums[skinny_outs];
      for (int64_t o = 0; o < count; o += lanes) {
        Floats v[lanes];
        for (int i = 0; i < lanes; ++i) v[i] = load(waiting + (row * skinny_outs + o + i) * lanes);
        store(sums + o, sum_each(v));
      }
      take(row, static_cast<const float*>(sums));
    }
  }

 private:
  static_assert(skinny_outs % lanes == 0);

  static constexpr int chunk_words = Activations<Weights>::chunk_words;

  // Whole chunks.
  static constexpr int64_t block_depth(int rows) {
    return Weights::tile(rows).depth / Weights::depth * Weights::depth;
  }

  struct Piece {
    int64_t out, outs;
    int64_t row;
    int64_t begin, end;  // depth
  };

  template <int compiled = Weights::most_rows>
  void multiply_rows(int rows, const Piece& piece, float* waiting) const {
    if constexpr (compiled > 1)
      if (rows < compiled) return multiply_rows<compiled - 1>(rows, piece, waiting);
    constexpr int tile = Weights::tile(compiled).outs;
    static_assert(skinny_outs % tile == 0);
    int64_t o = 0;
    for (; o + tile <= piece.outs; o += tile)
      multiply_tile<tile, compiled>(piece, o, waiting + o * lanes);
    for (; o < piece.outs; ++o) multiply_tile<1, compiled>(piece, o, waiting + o * lanes);
  }

  // Where the weights are that a tile asks for: so far ahead of its own, the next ones for each out
  // of a chunk and for each chunk so much further.
  struct Asked {
    int64_t ahead, beside, step;
  };

  // So far ahead in the order of memory, or, where `stream` is 0, those of the tile two on: further
  // down, in the next block of depth or in the piece behind.
  template <int outs>
  Asked asked_meanwhile(const Piece& piece, int64_t first, int64_t stream) const {
    if (stream > 0) return {stream, Weights::depth, outs * Weights::depth};
    int64_t ahead = 2 * outs * depth_;
    if (first + 2 * outs >= piece.outs)
      ahead += piece.end < depth_ ? piece.end - piece.begin - piece.outs * depth_ : -piece.begin;
    return {ahead, depth_, Weights::depth};
  }

  // One tile over one block of depth.
  template <int outs, int rows>
  void multiply_tile(const Piece& piece, int64_t first, float* waiting) const {
    const Weight* w = weight_ + (piece.out + first) * depth_ + piece.begin;
    const int64_t whole = (piece.end - piece.begin) / Weights::depth;
    const float* x = x_.tile(piece.row, rows, piece.begin);
    const int64_t stream = piece.end - piece.begin == depth_ ? Weights::tile(rows).stream : 0;
    const Asked asked = asked_meanwhile<outs>(piece, first, stream);
    const Weight* ahead = w + asked.ahead;

    Floats sums[outs][rows];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
      for (int o = 0; o < outs; ++o)
        sums[o][r] = piece.begin == 0 ? Floats{} : load(waiting + (r * skinny_outs + o) * lanes);

    for (int64_t c = 0; c < whole; ++c, w += Weights::depth, x += rows * chunk_words) {
#pragma GCC unroll 8
      for (int o = 0; o < outs; ++o) {
        const Weight* at = ahead + o * asked.beside;
        stream > 0 ? prefetch(at) : prefetch_second(at);
      }
      ahead += asked.step;
      add_chunk<outs, rows>(w, depth_, x, sums);
    }
    if (const int64_t left = (piece.end - piece.begin) % Weights::depth) {
      Weight rest[outs][Weights::depth] = {};
      for (int o = 0; o < outs; ++o)
        std::memcpy(rest[o], w + o * depth_, static_cast<size_t>(left) * sizeof *w);
      add_chunk<outs, rows>(rest[0], Weights::depth, x, sums);
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
      for (int o = 0; o < outs; ++o) store(waiting + (r * skinny_outs + o) * lanes, sums[o][r]);
  }

  template <int outs, int rows, int part = 0>
  void add_chunk(const Weight* w, int64_t w_stride, const float* x,
                 Floats (&sums)[outs][rows]) const {
    Floats weights[outs];
#pragma GCC unroll 8
    for (int o = 0; o < outs; ++o) weights[o] = Weights::template read<part>(w + o * w_stride);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Floats activations = kept(load(x + r * chunk_words + part * lanes));
#pragma GCC unroll 8
      for (int o = 0; o < outs; ++o) sums[o][r] = Weights::add(weights[o], activations, sums[o][r]);
    }
    if constexpr (part + 1 < Weights::parts) add_chunk<outs, rows, part + 1>(w, w_stride, x, sums);
  }

  const Weight* weight_;
  int64_t depth_;
  Activations<Weights> x_;
  int64_t rows_;
};

}  // namespace stylear::cpu
