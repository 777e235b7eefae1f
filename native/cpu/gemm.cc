// Goto & van de Geijn 2008: panels of both sides are packed so that the innermost loop reads two
// short streams, one of which stays in the first cache.
//
// One side is shared: all its lines (or a chunk of them) are packed once, by all threads; where it
// is small, by each thread for itself. The other is cut into strips; whoever takes a strip packs it
// for itself, block of depth by block of depth, and multiplies it with the shared side. A panel of
// the left side (21 KiB) stays in the first cache while the strip's panels pass from the second.
// Strips of the left side that lie in memory in long enough stretches are not packed at all.
#include "gemm.h"

#include <algorithm>

#include "dot_pairs.h"

namespace stylear::cpu {

namespace {

constexpr int64_t depth_block = 384;  // words: floats, or pairs of bf16
static_assert(depth_block <= max_stretch);
constexpr int block_floats = tile_rows * tile_cols;
constexpr int64_t shared_bytes = 32 << 20;  // what the packed shared side may take
constexpr int64_t least_chunk = 512;        // lines of it, unless it has fewer
// A shared side of at most so many bytes each thread packs for itself, unless its part of the other
// side is shorter than so many lines: it costs a few percent, and saves a meeting and reading what
// another wrote. 256 x 256 x 256 by two threads took 57 us in bf16 and 99 us in f32 while their
// cores shared no cache, 44 and 81 while they did; so 43 and 79, and 42 and 78.
constexpr int64_t apiece_bytes = 384 << 10;
constexpr int64_t apiece_lines = 128;
constexpr int strip_panels = 8;
constexpr int64_t blocks_bytes = 1 << 20;  // unfinished sums of a strip

// Whether strips of the left side are read where they lie. On a Zen 2 a 3 x 3 convolution of 128 to
// 128 channels went from 165 to 189 GFLOP/s, one of 128 to 3 from 19 to 35. Not measured with 14
// lines, which are more than there are registers for addresses.
constexpr bool reads_in_place = tile_rows <= 6;

// Whether strips are as long as each other, panels that lie across depth are packed beside each
// other, results are asked for while a tile is summed, and what a strip packs next is not: that
// cost a Zen 2 more than it saved. Not measured with 14 lines.
constexpr bool few_lines = tile_rows <= 6;

constexpr int64_t one_line = 64;  // bytes, so that no two threads write to one

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Fused {
  static constexpr Arithmetic arithmetic = Arithmetic::floats;
  static constexpr int depths_per_word = 1;
  static Floats add(Floats a, Floats b, Floats sum) { return fma(a, b, sum); }
  static void pack(const Factor& factor, int64_t line, int lines, int width, int64_t depth,
                   int64_t depths, float* to) {
    factor.pack(line, lines, width, depth, depths, to);
  }
};

struct Pairs {
  static constexpr Arithmetic arithmetic = Arithmetic::bf16_pairs;
  static constexpr int depths_per_word = 2;
  static Floats add(Floats a, Floats b, Floats sum) { return dot_pairs(a, b, sum); }
  static void pack(const Factor& factor, int64_t line, int lines, int width, int64_t depth,
                   int64_t depths, float* to) {
    factor.pack_pairs(line, lines, width, depth, depths, reinterpret_cast<uint32_t*>(to));
  }
};

// What the tiles below make: block[rows][tile_cols] = sums (+ block unless first).
template <int rows, int vectors>
void put_sums(const Floats (&sums)[rows][vectors], float* block, bool first) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) {
      float* at = block + i * tile_cols + j * lanes;
      store(at, first ? sums[i][j] : load(at) + sums[i][j]);
    }
}

// a^T b, a [words][tile_rows], b [words][tile_cols].
template <class Unit, int rows, int vectors>
void multiply_tile(int64_t words, const float* a, const float* b, float* block, bool first,
                   const float* next) {
  Floats sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) sums[i][j] = Floats{};
  for (int64_t d = 0; d < words; ++d, a += tile_rows, b += tile_cols, next += tile_rows) {
    prefetch(next);
    Floats right[vectors];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) right[j] = load(b + j * lanes);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const Floats left = splat(a[i]);
#pragma GCC unroll 2
      for (int j = 0; j < vectors; ++j) sums[i][j] = Unit::add(left, right[j], sums[i][j]);
    }
  }
  put_sums(sums, block, first);
}

// The same with the left side where it lies (Dukhan 2019, "The Indirect Convolution Algorithm").
template <class Unit, int rows, int vectors>
void multiply_tile(const Stretch* stretch, const Stretch* end, const float* b, float* block,
                   bool first) {
  Floats sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) sums[i][j] = Floats{};
  for (; stretch != end; ++stretch) {
    const float* lines[rows];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) lines[i] = stretch->starts[i];
    for (int64_t d = 0; d < stretch->words; ++d, b += tile_cols) {
      Floats right[vectors];
#pragma GCC unroll 2
      for (int j = 0; j < vectors; ++j) right[j] = load(b + j * lanes);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Floats left = splat(lines[i][d]);
#pragma GCC unroll 2
        for (int j = 0; j < vectors; ++j) sums[i][j] = Unit::add(left, right[j], sums[i][j]);
      }
    }
  }
  put_sums(sums, block, first);
}

// Calls f<compiled rows, compiled vectors>() with the narrowest tile that covers rows x cols.
template <int compiled = tile_rows, class F>
void with_tile(int rows, int cols, F&& f) {
  if constexpr (compiled > 2)
    if (rows <= compiled - 2) return with_tile<compiled - 2>(rows, cols, f);
  cols > lanes ? f.template operator()<compiled, 2>() : f.template operator()<compiled, 1>();
}

// One side, seen as panels of `width` lines.
struct Side {
  const Factor& factor;
  int64_t lines;
  int width;

  int64_t panels() const { return ceil_div(lines, width); }
  int lines_of(int64_t panel) const {
    return static_cast<int>(std::min<int64_t>(width, lines - panel * width));
  }
};

struct Range {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

template <class Unit>
class Multiplication {
 public:
  Multiplication(int64_t rows, int64_t cols, int64_t depth, const Factor& a, const Factor& b,
                 const Output& out, Workers& workers)
      : left_{a, rows, tile_rows},
        right_{b, cols, tile_cols},
        left_is_shared_(rows <= cols),
        depth_(depth),
        depth_blocks_(ceil_div(depth, depth_block * Unit::depths_per_word)),
        block_words_(std::min(depth_block, ceil_div(depth, Unit::depths_per_word))),
        most_stretches_(
            reads_in_place && !left_is_shared_
                ? a.most_stretches(Unit::arithmetic, block_words_ * Unit::depths_per_word)
                : 0),
        out_(out),
        workers_(workers) {}

  void run() {
    const Side &shared = left_is_shared_ ? left_ : right_, &own = left_is_shared_ ? right_ : left_;
    const int64_t block_bytes = block_words_ * 4;
    const int64_t fitting = shared_bytes / (depth_blocks_ * block_bytes);
    const int64_t chunk_lines = std::min(shared.lines, std::max(least_chunk, fitting));
    const int64_t chunk_panels = ceil_div(chunk_lines, shared.width);
    const int64_t pass_blocks = std::clamp<int64_t>(
        shared_bytes / (chunk_panels * shared.width * block_bytes), 1, depth_blocks_);
    packed_floats_ = chunk_panels * shared.width * pass_blocks * block_words_;
    packs_apiece_ = workers_.threads() > 1 && chunk_panels == shared.panels() &&
                    pass_blocks == depth_blocks_ && packed_floats_ * 4 <= apiece_bytes &&
                    own.lines >= apiece_lines * workers_.threads();
    const int copies = packs_apiece_ ? workers_.threads() : 1;
    packed_ = workers_.scratch_of<float>(copies * packed_floats_);
    if (packs_apiece_) {
      has_packed_ = workers_.scratch_of<bool>(copies * one_line);
      for (int i = 0; i < copies; ++i) has_packed_[i * one_line] = false;
    }
    // Sums that wait for the next pass over depth, which the whole chunk makes together.
    const bool passes = pass_blocks < depth_blocks_;
    if (passes) waiting_ = workers_.scratch_of<float>(chunk_panels * own.panels() * block_floats);

    for (int64_t panel = 0; panel < shared.panels(); panel += chunk_panels) {
      const Range chunk{panel, std::min(panel + chunk_panels, shared.panels())};
      for (int64_t block = 0; block < depth_blocks_; block += pass_blocks) {
        const Range blocks{block, std::min(block + pass_blocks, depth_blocks_)};
        if (!packs_apiece_) pack_shared(shared, chunk, blocks);
        multiply_strips(shared, own, chunk, blocks);
      }
    }
  }

 private:
  struct Depths {
    int64_t begin, count, words;
  };
  Depths depths_of(int64_t block) const {
    const int64_t length = depth_block * Unit::depths_per_word;
    const int64_t count = std::min(length, depth_ - block * length);
    return {block * length, count, ceil_div(count, Unit::depths_per_word)};
  }

  void pack(const Side& side, int64_t panel, int64_t block, float* to) const {
    const Depths depths = depths_of(block);
    Unit::pack(side.factor, panel * side.width, side.lines_of(panel), side.width, depths.begin,
               depths.count, to);
  }

  int64_t find(const Side& side, int64_t panel, int64_t block, Stretch* to) const {
    const Depths depths = depths_of(block);
    return side.factor.find(panel * side.width, side.lines_of(panel), side.width, depths.begin,
                            depths.count, to);
  }

  // Where panel `panel` of the chunk is packed for a block of the pass.
  float* shared_panel(const Side& shared, Range chunk, Range blocks, int64_t panel,
                      int64_t block) const {
    const int64_t copy = packs_apiece_ ? Workers::member() * packed_floats_ : 0;
    return packed_ + copy +
           ((block - blocks.begin) * chunk.count() + panel - chunk.begin) * shared.width *
               block_words_;
  }

  void pack_shared(const Side& shared, Range chunk, Range blocks) {
    const int64_t count = chunk.count() * blocks.count();
    const int64_t grain = std::min<int64_t>(4, workers_.grain(count));
    workers_.for_each(count, grain, [&](int64_t begin, int64_t end) {
      pack_part(shared, chunk, blocks, {begin, end});
    });
  }

  // Panels by blocks, counted as they lie in memory: along the blocks, or along the panels.
  void pack_part(const Side& shared, Range chunk, Range blocks, Range part) const {
    const bool along = !few_lines || shared.factor.lies_along_depth();
    for (int64_t i = part.begin; i < part.end; ++i) {
      const int64_t panel = chunk.begin + (along ? i / blocks.count() : i % chunk.count());
      const int64_t block = blocks.begin + (along ? i % blocks.count() : i / chunk.count());
      pack(shared, panel, block, shared_panel(shared, chunk, blocks, panel, block));
    }
  }

  // Inside a task: this thread's own copy, once.
  void pack_apiece(const Side& shared, Range chunk, Range blocks) {
    bool& has_packed = has_packed_[Workers::member() * one_line];
    if (!has_packed) pack_part(shared, chunk, blocks, {0, chunk.count() * blocks.count()});
    has_packed = true;
  }

  // A task is a strip of the own side by a stretch of the chunk.
  void multiply_strips(const Side& shared, const Side& own, Range chunk, Range blocks) {
    const int64_t wanted = 6 * workers_.threads();
    const int64_t strip = std::clamp<int64_t>(ceil_div(own.panels(), wanted), 1,
                                              left_is_shared_ ? strip_panels : 4 * strip_panels);
    int64_t strips = ceil_div(own.panels(), strip);
    if (few_lines)
      strips = std::min(own.panels(), ceil_div(strips, workers_.threads()) * workers_.threads());
    const int64_t fitting = std::max<int64_t>(1, blocks_bytes / (4 * block_floats * strip));
    // A strip is packed once for each stretch, so strips that go round evenly stay whole.
    const bool even = strips % workers_.threads() == 0 && strips >= 4 * workers_.threads();
    const int64_t parts = even ? 1 : ceil_div(wanted, strips);
    const int64_t cuts = std::max(ceil_div(chunk.count(), fitting), std::min(chunk.count(), parts));
    const int64_t stretch = ceil_div(chunk.count(), cuts);
    const int64_t stretches = ceil_div(chunk.count(), stretch);
    workers_.for_each(strips * stretches, 1, [&](int64_t task, int64_t) {
      const int64_t at = task / stretches;
      const Range own_panels =
          few_lines ? Range{own.panels() * at / strips, own.panels() * (at + 1) / strips}
                    : Range{at * strip, std::min((at + 1) * strip, own.panels())};
      const int64_t shared_begin = chunk.begin + task % stretches * stretch;
      multiply_task(shared, own, chunk, blocks,
                    {shared_begin, std::min(shared_begin + stretch, chunk.end)}, own_panels);
    });
  }

  void multiply_task(const Side& shared, const Side& own, Range chunk, Range blocks,
                     Range shared_panels, Range own_panels) {
    if (packs_apiece_) pack_apiece(shared, chunk, blocks);
    const int64_t own_words = own.width * block_words_;
    const int64_t most = most_stretches_;
    float* own_packed =
        most ? nullptr : workers_.thread_scratch_of<float>(own_panels.count() * own_words);
    Stretch* own_found =
        most ? workers_.thread_scratch_of<Stretch>(own_panels.count() * most) : nullptr;
    const bool once = depth_blocks_ == 1;  // then one block serves all
    float* sums = waiting_ ? nullptr
                           : workers_.thread_scratch_of<float>(
                                 once ? block_floats
                                      : own_panels.count() * shared_panels.count() * block_floats);
    const auto block_of = [&](int64_t shared_panel, int64_t own_panel) {
      if (waiting_)
        return waiting_ + ((shared_panel - chunk.begin) * own.panels() + own_panel) * block_floats;
      return once ? sums
                  : sums + ((shared_panel - shared_panels.begin) * own_panels.count() + own_panel -
                            own_panels.begin) *
                               block_floats;
    };

    int64_t found = 0;  // stretches of a panel, as many in all of a block
    for (int64_t block = blocks.begin; block < blocks.end; ++block) {
      for (int64_t panel = own_panels.begin; panel < own_panels.end; ++panel) {
        const int64_t at = panel - own_panels.begin;
        if (most)
          found = find(own, panel, block, own_found + at * most);
        else
          pack(own, panel, block, own_packed + at * own_words);
      }
      const Range rows = left_is_shared_ ? shared_panels : own_panels;
      const Range cols = left_is_shared_ ? own_panels : shared_panels;
      int64_t tile = 0;
      for (int64_t row = rows.begin; row < rows.end; ++row)
        for (int64_t col = cols.begin; col < cols.end; ++col) {
          const int64_t s = left_is_shared_ ? row : col, o = left_is_shared_ ? col : row;
          const int64_t at = o - own_panels.begin;
          const float* of_shared = shared_panel(shared, chunk, blocks, s, block);
          float* to = block_of(s, o);
          if (!few_lines)
            prefetch_own(own, own_panels, block, blocks, tile++, rows.count() * cols.count());
          else if (block + 1 == depth_blocks_)
            out_.prefetch_results(row * tile_rows, left_.lines_of(row), col * tile_cols);
          if (most) {
            const Stretch* first = own_found + at * most;
            multiply_block(row, col, block, to, [&]<int height, int vectors> {
              multiply_tile<Unit, height, vectors>(first, first + found, of_shared, to, block == 0);
            });
            continue;
          }
          const float* of_own = own_packed + at * own_words;
          const float* a = left_is_shared_ ? of_shared : of_own;
          const float* b = left_is_shared_ ? of_own : of_shared;
          // The panels of the left side lie one behind the other; each is fetched once.
          const bool fetch = col == cols.begin && row + 1 < rows.end;
          const float* next = fetch ? a + tile_rows * block_words_ : a;
          const int64_t words = depths_of(block).words;
          multiply_block(row, col, block, to, [&]<int height, int vectors> {
            multiply_tile<Unit, height, vectors>(words, a, b, to, block == 0, next);
          });
        }
    }
  }

  // What the strip packs next: its next block of depth, or the first one of the strip behind it.
  void prefetch_own(const Side& own, Range panels, int64_t block, Range blocks, int64_t part,
                    int64_t parts) const {
    const bool stays = block + 1 < blocks.end;
    const Depths depths = depths_of(stays ? block + 1 : blocks.begin);
    const int64_t begin = (stays ? panels.begin : panels.end) * own.width;
    const int64_t lines = std::min(panels.count() * own.width, own.lines - begin);
    if (lines > 0) own.factor.prefetch_part(begin, lines, depths.begin, depths.count, part, parts);
  }

  // tile<rows, vectors>() adds what the block of depth comes to, to `sums`.
  template <class Tile>
  void multiply_block(int64_t row, int64_t col, int64_t block, const float* sums, Tile&& tile) {
    const int rows = left_.lines_of(row), cols = right_.lines_of(col);
    with_tile(rows, cols, tile);
    if (block + 1 == depth_blocks_) out_.take(row * tile_rows, rows, col * tile_cols, cols, sums);
  }

  const Side left_, right_;
  const bool left_is_shared_;
  const int64_t depth_, depth_blocks_;
  const int64_t block_words_;     // of the longest block
  const int64_t most_stretches_;  // of an own panel in a block, or 0 if it is packed
  const Output& out_;
  Workers& workers_;
  float* packed_ = nullptr;  // one copy, or one for each thread
  int64_t packed_floats_ = 0;
  bool packs_apiece_ = false;
  bool* has_packed_ = nullptr;  // of each thread, `one_line` apart
  float* waiting_ = nullptr;
};

}  // namespace

void multiply(int64_t rows, int64_t cols, int64_t depth, const Factor& a, const Factor& b,
              const Output& out, Workers& workers) {
  const bool pairs = has_bf16_dot && a.holds_bf16() && b.holds_bf16();
  multiply(pairs ? Arithmetic::bf16_pairs : Arithmetic::floats, rows, cols, depth, a, b, out,
           workers);
}

void multiply(Arithmetic arithmetic, int64_t rows, int64_t cols, int64_t depth, const Factor& a,
              const Factor& b, const Output& out, Workers& workers) {
  if (arithmetic == Arithmetic::bf16_pairs)
    Multiplication<Pairs>(rows, cols, depth, a, b, out, workers).run();
  else
    Multiplication<Fused>(rows, cols, depth, a, b, out, workers).run();
}

}  // namespace stylear::cpu
