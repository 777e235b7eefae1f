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
  double real;
  const char *op, *argument, *range;  // strings of the host
};

struct FaultSite {
  FaultWord* word;
  const char *op, *argument;
  int64_t low, high;
  const char* range = nullptr;  // of a real number, instead of low and high: such as `in (0, 1]`

  __device__ __forceinline__ bool holds(int64_t value) const {
    return value >= low && value < high;
  }
  // Reports a value, unless something was reported before.
  __device__ __forceinline__ void report(int64_t value) const { report(value, 0); }
  __device__ __forceinline__ void report_real(double value) const { report(0, value); }

 private:
  __device__ __forceinline__ void report(int64_t value, double real) const {
    if (atomicCAS(&word->claimed, 0u, 1u) != 0u) return;
    word->value = value;
    word->low = low;
    word->high = high;
    word->real = real;
    word->op = op;
    word->argument = argument;
    word->range = range;
    __threadfence_system();
    *static_cast<volatile unsigned*>(&word->reported) = 1;
  }
};

inline Error error_of(const FaultWord& word) {
  const std::string expected = std::string(word.op) + ": expected " + word.argument + " to be ";
  if (word.range)
    return Error("ERR_VALUE", expected + word.range + ", got " + std::to_string(word.real));
  return Error("ERR_VALUE", expected + "in [" + std::to_string(word.low) + ", " +
                                std::to_string(word.high) + "), got " + std::to_string(word.value));
}

}  // namespace stylear::cuda
