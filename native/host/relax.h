// How a thread waits for something that is about to happen.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace stylear {

// Leaves the core's resources to its other thread for some tens of nanoseconds.
inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Looks `tries` times whether `ready`, relaxing in between.
template <class Ready>
bool spin_until(int tries, Ready&& ready) {
  for (int i = 0; i < tries; ++i) {
    if (ready()) return true;
    relax();
  }
  return ready();
}

}  // namespace stylear
