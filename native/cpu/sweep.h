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

}  // namespace stylear::cpu
