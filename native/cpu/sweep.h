// A loop over elements in vectors, the odd end included.
#pragma once

#include "simd.h"

namespace stylear::cpu {

// Stands for `lanes` where a whole vector is meant, so that the main loop needs no mask.
struct AllLanes {};

template <class T>
Floats load(const T* from, AllLanes) {
  return load(from);
}
template <class T>
void store(T* to, Floats v, AllLanes) {
  store(to, v);
}

// Calls f(i, count) for i = begin, begin + lanes, ...; count is AllLanes but for the last, shorter
// vector. f passes it on to load and store.
template <class F>
void sweep(int64_t begin, int64_t end, F&& f) {
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) f(i, AllLanes{});
  if (i < end) f(i, end - i);
}

// The first `count` lanes of v, 0 in the others.
inline Floats keep(Floats v, AllLanes) { return v; }
inline Floats keep(Floats v, int64_t count) {
  float kept[lanes];
  store(kept, v);
  return load(kept, count);
}

// The sum of term(i, count) over [0, n), in four vectors that are added at the end: the error grows
// with n / (4 lanes), and the order depends on n alone. Lanes past count have to be 0, as loads and
// products with them are.
template <class F>
float sum_of(int64_t n, F&& term) {
  Floats a{}, b{}, c{}, d{};
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a += term(i, AllLanes{});
    b += term(i + lanes, AllLanes{});
    c += term(i + 2 * lanes, AllLanes{});
    d += term(i + 3 * lanes, AllLanes{});
  }
  sweep(i, n, [&](int64_t at, auto count) { a += term(at, count); });
  return sum((a + b) + (c + d));
}

}  // namespace stylear::cpu
