// How large the first cache of data is, which some tiles are chosen by.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace stylear::cpu {

// Bytes of it a core has; 0 where the processor does not say.
inline int64_t first_cache_bytes() {
#if defined(__x86_64__)
  // Intel's leaf, then AMD's, which has the same fields and leaves the other empty.
  for (const unsigned leaf : {4u, 0x8000001du}) {
    unsigned a, b, c, d;
    for (unsigned cache = 0; __get_cpuid_count(leaf, cache, &a, &b, &c, &d) && (a & 31); ++cache) {
      constexpr unsigned data = 1;
      if ((a & 31) != data || (a >> 5 & 7) != 1) continue;
      const int64_t ways = (b >> 22) + 1, partitions = (b >> 12 & 1023) + 1, line = (b & 4095) + 1;
      return ways * partitions * line * (int64_t{c} + 1);
    }
  }
#endif
  return 0;
}

}  // namespace stylear::cpu
