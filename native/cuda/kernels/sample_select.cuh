// Selection without sorting: where in the descending order of some keys a given amount is reached.
#pragma once

#include "../gpu.h"

namespace stylear::cuda {

constexpr int sample_threads = 512;

// Unsigned order equals the order of the floats. NaN counts as minus infinity, -0 as 0.
__device__ __forceinline__ uint32_t order_key(float v) {
  if (v != v) v = -INFINITY;
  const uint32_t bits = __float_as_uint(v + 0.f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float key_value(uint32_t key) {
  return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

// Amounts per digit, in several copies that the lanes of a warp spread over, so that many equal
// digits do not queue for one address.
constexpr int digits = 256, bin_bytes = 32 * 1024;
template <class Amount>
constexpr int bin_copies = bin_bytes / (digits * int(sizeof(Amount)));

template <class Amount>
struct Selected {
  uint32_t key;
  Amount above;  // of all larger keys
};

// The largest key such that it and all larger ones amount to `want` or more, which must be at most
// the total. `key_of(i)` for i < n are the keys; those below `least` do not count; `amount_of(key)`
// is what one amounts to. Four passes over the keys, from the highest eight bits to the lowest;
// integer amounts make the result independent of the order of the additions. All threads call and
// get the result.
template <class Amount, class KeyOf, class AmountOf>
__device__ __forceinline__ Selected<Amount> select_descending(void* space, int n, uint32_t least,
                                                              Amount want, KeyOf key_of,
                                                              AmountOf amount_of) {
  SHARED_ARRAY(Amount, warp_totals, digits / 32);
  SHARED_ARRAY(Amount, found_above, 1);
  SHARED_ARRAY(uint32_t, found_digit, 1);
  constexpr int copies = bin_copies<Amount>;
  Amount* bins = static_cast<Amount*>(space);
  const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
  uint32_t prefix = 0;
  Amount above = 0;

  for (int shift = 24; shift >= 0; shift -= 8) {
    for (int i = thread; i < digits * copies; i += sample_threads) bins[i] = 0;
    __syncthreads();
    for (int i = thread; i < n; i += sample_threads) {
      const uint32_t key = key_of(i);
      if (key >= least && uint64_t{key} >> (shift + 8) == prefix)
        atomicAdd(bins + (key >> shift & 255) * copies + lane % copies, amount_of(key));
    }
    __syncthreads();

    // The first 256 threads own a digit each, from the largest down, and add up what lies above.
    const int digit = digits - 1 - thread;
    Amount own = 0, through = 0;
    if (thread < digits) {
      for (int c = 0; c < copies; ++c) own += bins[digit * copies + (c + thread) % copies];
      through = own;
#pragma unroll
      for (int d = 1; d < 32; d <<= 1) {
        const Amount other = __shfl_up_sync(full_warp, through, d);
        if (lane >= d) through += other;
      }
      if (lane == 31) warp_totals[warp] = through;
    }
    __syncthreads();
    if (thread < digits) {
      through += above;
      for (int w = 0; w < warp; ++w) through += warp_totals[w];
      if (through - own < want && want <= through) {
        *found_digit = digit;
        *found_above = through - own;
      }
    }
    __syncthreads();
    prefix = prefix << 8 | *found_digit;
    above = *found_above;
  }
  return {prefix, above};
}

// The place below which lie exactly `count` of the i < n with holds(i), or n if there are no more.
template <class Holds>
__device__ __forceinline__ int place_of(int n, int count, Holds holds) {
  SHARED_ARRAY(int, place, 1);
  const int thread = threadIdx.x, lane = thread & 31;
  SHARED_ARRAY(int, warp_counts, sample_threads / 32);
  if (thread == 0) *place = n;
  int before = 0;
  for (int first = 0; first < n && before <= count; first += sample_threads) {
    const bool here = first + thread < n && holds(first + thread);
    const uint32_t votes = __ballot_sync(full_warp, here);
    if (lane == 0) warp_counts[thread >> 5] = __popc(votes);
    __syncthreads();
    int rank = before + __popc(votes & ((1u << lane) - 1));
    for (int w = 0; w < sample_threads / 32; ++w) {
      if (w < thread >> 5) rank += warp_counts[w];
      before += warp_counts[w];
    }
    if (here && rank == count) *place = first + thread;
    __syncthreads();
  }
  __syncthreads();
  return *place;
}

}  // namespace stylear::cuda
