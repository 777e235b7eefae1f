// Writes the panels that the packed multiplication reads: `width` lines side by side for each step
// of depth, widened to f32 or as pairs of bf16.
#pragma once

#include <algorithm>
#include <cstdint>

#include "transpose.h"

namespace stylear::cpu {

constexpr int max_tile_width = 3 * lanes;

namespace detail {
// Writes the squares of `given` lines but for the last, and returns how many depths that is.
template <int given, class T>
int64_t pack_squares(const T* const* lines, int width, int64_t depths, float* to) {
  int64_t d = 0;
  // Two neighbouring bf16 are turned around as one word.
  if constexpr (sizeof(T) == sizeof(bf16))
    for (; d + 2 * lanes < depths; d += 2 * lanes, to += 2 * lanes * width) {
      Floats v[lanes] = {};
#pragma GCC unroll 16
      for (int i = 0; i < given; ++i) v[i] = load(reinterpret_cast<const float*>(lines[i] + d));
      transpose(v);
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        store(to + 2 * i * width, floats_of(bits_of(v[i]) << 16));
        store(to + (2 * i + 1) * width, floats_of(bits_of(v[i]) & -65536));
      }
    }
  for (; d + lanes < depths; d += lanes, to += lanes * width) {
    Floats v[lanes] = {};
#pragma GCC unroll 16
    for (int i = 0; i < given; ++i) v[i] = load(lines[i] + d);
    transpose(v);
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) store(to + i * width, v[i]);
  }
  return d;
}

// The same where no lane is left out, which is nearly everywhere; else 0. Of [257, 5120] by
// [5120, 1280] in f32 with 16 lanes packing took 5 % of the time so, 10 without.
template <class T>
int64_t pack_whole(const T* const* lines, int count, int width, int here, int64_t depths,
                   float* to) {
  constexpr int narrow = lanes == 16 ? 14 : 6;  // lines of a left panel
  if constexpr (lanes >= 8) {
    if (count < here || std::find(lines, lines + here, nullptr) != lines + here) return 0;
    if (here == lanes) return pack_squares<lanes>(lines, width, depths, to);
    if constexpr (narrow < lanes)
      if (width == narrow) return pack_squares<narrow>(lines, width, depths, to);
  }
  return 0;
}
}  // namespace detail

// Lines that are contiguous along depth; a null line is zeros. Writes [depths][width]. Each square
// of lanes x lanes is turned around in registers.
template <class T>
void pack_along(const T* const* lines, int count, int width, int64_t depths, float* to) {
  for (int first = 0; first < width; first += lanes) {
    const int here = width - first < lanes ? width - first : lanes;
    for (int64_t d =
             detail::pack_whole(lines + first, count - first, width, here, depths, to + first);
         d < depths; d += lanes) {
      const int64_t left = depths - d;
      Floats v[lanes];
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        const T* line = first + i < count ? lines[first + i] : nullptr;
        v[i] = !line ? Floats{} : left >= lanes ? load(line + d) : load(line + d, left);
      }
      transpose(v);
      // A full store may spill into the next depth of a panel narrower than a vector, which is
      // written after it.
      const bool may_spill = here == lanes || width < lanes;
      float* at = to + d * width + first;
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        if (i + 1 < left && may_spill)
          store(at + i * width, v[i]);
        else if (i < left)
          store(at + i * width, v[i], here);
      }
    }
  }
}

// Lines that are neighbours in memory at each depth, depths `stride` apart. Writes [depths][width].
template <class T>
void pack_across(const T* from, int64_t stride, int count, int width, int64_t depths, float* to) {
  int64_t d = 0;
  // Whole vectors where the panel is narrower: what spills into the next depth is written after it,
  // and what is read beyond this one lies before the end of the next.
  if (width < lanes && count == width && stride + width >= lanes)
    for (; d + 1 < depths; ++d, from += stride, to += width) store(to, load(from));
  if (count == 2 * lanes && count == width)
    for (; d < depths; ++d, from += stride, to += width) {
      store(to, load(from));
      store(to + lanes, load(from + lanes));
    }
  for (; d < depths; ++d, from += stride, to += width)
    for (int first = 0; first < width; first += lanes) {
      const int here = width - first < lanes ? width - first : lanes;
      const int from_here = count - first < 0 ? 0 : count - first < here ? count - first : here;
      const Floats v = from_here == lanes ? load(from + first) : load(from + first, from_here);
      if (here == lanes)
        store(to + first, v);
      else
        store(to + first, v, here);
    }
}

// The same two as pairs of depths, [(depths + 1) / 2][width] words.
inline void pack_pairs_along(const bf16* const* lines, int count, int width, int64_t depths,
                             uint32_t* to) {
  const float* words[max_tile_width];  // two neighbouring bf16 are already the word
  for (int i = 0; i < count; ++i) words[i] = reinterpret_cast<const float*>(lines[i]);
  const int64_t pairs = depths / 2;
  pack_along(words, count, width, pairs, reinterpret_cast<float*>(to));
  if (depths % 2)
    for (int i = 0; i < width; ++i)
      to[pairs * width + i] = i < count && lines[i] ? lines[i][depths - 1].bits : 0;
}

inline void pack_pairs_across(const bf16* from, int64_t stride, int count, int width,
                              int64_t depths, uint32_t* to) {
  for (int64_t d = 0; d < depths; d += 2, from += 2 * stride, to += width)
    for (int i = 0; i < width; ++i) {
      const uint32_t even = i < count ? from[i].bits : 0;
      const uint32_t odd = i < count && d + 1 < depths ? from[stride + i].bits : 0;
      to[i] = even | odd << 16;
    }
}

}  // namespace stylear::cpu
