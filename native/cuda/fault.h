// How a kernel says that the data it was given are wrong, such as a token id out of range: it
// writes into a word that the host can read at any time; the first report wins. The op's remaining
// threads must stay within bounds by themselves.
#pragma once

#include <string>

#include "gpu.h"

namespace stylear::cuda {

struct FaultWord {
  unsigned claimed;
  unsigned reported;  // written last: then the rest can be read
  long long value, low, high;
  const char *op, *argument;  // strings of the host
};

struct FaultSite {
  FaultWord* word;
  const char *op, *argument;
  int64_t low, high;

  __device__ __forceinline__ bool holds(int64_t value) const {
    return value >= low && value < high;
  }
  // Reports `value`, unless something was reported before.
  __device__ __forceinline__ void report(int64_t value) const {
    if (atomicCAS(&word->claimed, 0u, 1u) != 0u) return;
    word->value = value;
    word->low = low;
    word->high = high;
    word->op = op;
    word->argument = argument;
    __threadfence_system();
    *static_cast<volatile unsigned*>(&word->reported) = 1;
  }
};

inline Error error_of(const FaultWord& word) {
  return Error("ERR_VALUE", std::string(word.op) + ": expected " + word.argument + " to be in [" +
                                std::to_string(word.low) + ", " + std::to_string(word.high) +
                                "), got " + std::to_string(word.value));
}

}  // namespace stylear::cuda
