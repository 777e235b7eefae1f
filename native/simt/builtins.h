// The names CUDA C++ device code uses, for a host compiler: qualifiers, vector types, thread
// indices, barriers, shuffles, votes. Atomics and arithmetic are in builtins_math.h. `__shared__`
// is deliberately missing: kernels use SHARED_ARRAY and SharedCarver (cuda/gpu.h), which the
// emulation can size, fill and watch.
#pragma once

#include <algorithm>
#include <cstring>

#include "engine.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#ifndef __forceinline__
#define __forceinline__ inline __attribute__((always_inline))
#endif

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
constexpr float2 make_float2(float x, float y) { return {x, y}; }
constexpr float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
constexpr int2 make_int2(int x, int y) { return {x, y}; }
constexpr int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
constexpr uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
constexpr uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

#define threadIdx (::stylear::simt::current->thread)
#define blockIdx (::stylear::simt::current_block.block)
#define blockDim (::stylear::simt::current_block.block_dim)
#define gridDim (::stylear::simt::current_block.grid_dim)
#define warpSize 32

// ---- barriers and fences
inline void __syncthreads(SIMT_HERE) {
  stylear::simt::block_barrier(0, 0, "__syncthreads", file, line);
}
inline int __syncthreads_count(int p, SIMT_HERE) {
  return stylear::simt::block_barrier_reduce(p, stylear::simt::Reduce::count, file, line);
}
inline int __syncthreads_and(int p, SIMT_HERE) {
  return stylear::simt::block_barrier_reduce(p, stylear::simt::Reduce::all, file, line);
}
inline int __syncthreads_or(int p, SIMT_HERE) {
  return stylear::simt::block_barrier_reduce(p, stylear::simt::Reduce::any, file, line);
}
inline void __syncwarp(uint32_t mask = 0xffffffffu, SIMT_HERE) {
  stylear::simt::syncwarp(mask, file, line);
}
inline void __threadfence() { stylear::simt::thread_fence(); }
inline void __threadfence_system() { stylear::simt::thread_fence(); }
inline void __threadfence_block() { stylear::simt::thread_fence(); }
inline void __nanosleep(unsigned) { stylear::simt::yield(); }

// ---- shuffles
namespace stylear::simt {

template <class T>
struct ShuffleArg {
  T in, out;
  int source;  // absolute lane
};
// What comes from a lane that takes no part is undefined on the GPU and a recognisable wrong value
// here.
template <class T>
SIMT_OPAQUE void shuffle_run(void* const* args, uint32_t mask) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!(mask >> lane & 1)) continue;
    auto* a = static_cast<ShuffleArg<T>*>(args[lane]);
    if (mask >> a->source & 1)
      a->out = static_cast<ShuffleArg<T>*>(args[a->source])->in;
    else
      std::memset(static_cast<void*>(&a->out), 0xfb, sizeof(T));
  }
}
template <class T>
SIMT_OPAQUE T shuffle(uint32_t mask, T v, int source, const char* what, const char* file,
                      int line) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  ShuffleArg<T> a{v, v, source};
  warp_collective(mask, &shuffle_run<T>, &a, what, file, line);
  return a.out;
}

}  // namespace stylear::simt

template <class T>
inline T __shfl_sync(uint32_t mask, T v, int source, int width = 32, SIMT_HERE) {
  const int lane = int(stylear::simt::current->lane), base = lane & ~(width - 1);
  return stylear::simt::shuffle(mask, v, base + (source & (width - 1)), "__shfl_sync", file, line);
}
template <class T>
inline T __shfl_xor_sync(uint32_t mask, T v, int x, int width = 32, SIMT_HERE) {
  const int lane = int(stylear::simt::current->lane), source = lane ^ x;
  const int end = (lane & ~(width - 1)) + width;
  return stylear::simt::shuffle(mask, v, source < end ? source : lane, "__shfl_xor_sync", file,
                                line);
}
template <class T>
inline T __shfl_up_sync(uint32_t mask, T v, unsigned d, int width = 32, SIMT_HERE) {
  const int lane = int(stylear::simt::current->lane), source = lane - int(d);
  const int base = lane & ~(width - 1);
  return stylear::simt::shuffle(mask, v, source >= base ? source : lane, "__shfl_up_sync", file,
                                line);
}
template <class T>
inline T __shfl_down_sync(uint32_t mask, T v, unsigned d, int width = 32, SIMT_HERE) {
  const int lane = int(stylear::simt::current->lane), source = lane + int(d);
  const int end = (lane & ~(width - 1)) + width;
  return stylear::simt::shuffle(mask, v, source < end ? source : lane, "__shfl_down_sync", file,
                                line);
}

// ---- votes
namespace stylear::simt {

struct VoteArg {
  uint64_t in;
  uint32_t out;
};
enum class Fold { add, min, max, bit_and, bit_or, bit_xor };

SIMT_OPAQUE inline void ballot_run(void* const* args, uint32_t mask) {
  uint32_t votes = 0;
  for (unsigned lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1 && static_cast<VoteArg*>(args[lane])->in) votes |= 1u << lane;
  for (unsigned lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1) static_cast<VoteArg*>(args[lane])->out = votes;
}
SIMT_OPAQUE inline void match_run(void* const* args, uint32_t mask) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!(mask >> lane & 1)) continue;
    auto* a = static_cast<VoteArg*>(args[lane]);
    a->out = 0;
    for (unsigned j = 0; j < 32; ++j)
      if (mask >> j & 1 && static_cast<VoteArg*>(args[j])->in == a->in) a->out |= 1u << j;
  }
}
template <Fold fold>
SIMT_OPAQUE void fold_run(void* const* args, uint32_t mask) {
  bool first = true;
  uint32_t r = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!(mask >> lane & 1)) continue;
    const uint32_t v = uint32_t(static_cast<VoteArg*>(args[lane])->in);
    if (first)
      r = v;
    else if constexpr (fold == Fold::add)
      r += v;
    else if constexpr (fold == Fold::min)
      r = std::min(r, v);
    else if constexpr (fold == Fold::max)
      r = std::max(r, v);
    else if constexpr (fold == Fold::bit_and)
      r &= v;
    else if constexpr (fold == Fold::bit_or)
      r |= v;
    else
      r ^= v;
    first = false;
  }
  for (unsigned lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1) static_cast<VoteArg*>(args[lane])->out = r;
}
SIMT_OPAQUE inline uint32_t vote(uint32_t mask, WarpFunction together, uint64_t in,
                                 const char* what, const char* file, int line) {
  VoteArg a{in, 0};
  warp_collective(mask, together, &a, what, file, line);
  return a.out;
}

}  // namespace stylear::simt

inline uint32_t __ballot_sync(uint32_t mask, int p, SIMT_HERE) {
  return stylear::simt::vote(mask, stylear::simt::ballot_run, p != 0, "__ballot_sync", file, line);
}
inline int __any_sync(uint32_t mask, int p, SIMT_HERE) {
  return stylear::simt::vote(mask, stylear::simt::ballot_run, p != 0, "__any_sync", file, line) !=
         0;
}
inline int __all_sync(uint32_t mask, int p, SIMT_HERE) {
  return stylear::simt::vote(mask, stylear::simt::ballot_run, p == 0, "__all_sync", file, line) ==
         0;
}
inline uint32_t __match_any_sync(uint32_t mask, uint32_t v, SIMT_HERE) {
  return stylear::simt::vote(mask, stylear::simt::match_run, v, "__match_any_sync", file, line);
}
#define SIMT_FOLD(name, fold)                                                                      \
  inline uint32_t name(uint32_t mask, uint32_t v, SIMT_HERE) {                                     \
    return stylear::simt::vote(mask, stylear::simt::fold_run<stylear::simt::Fold::fold>, v, #name, \
                               file, line);                                                        \
  }
SIMT_FOLD(__reduce_add_sync, add)
SIMT_FOLD(__reduce_min_sync, min)
SIMT_FOLD(__reduce_max_sync, max)
SIMT_FOLD(__reduce_and_sync, bit_and)
SIMT_FOLD(__reduce_or_sync, bit_or)
SIMT_FOLD(__reduce_xor_sync, bit_xor)
#undef SIMT_FOLD
