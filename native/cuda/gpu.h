// The vocabulary of kernels, and the only header that knows which compiler is at work: with nvcc it
// is CUDA, with a host compiler the emulation of native/simt. A kernel file includes it (or ptx.h)
// first, contains no #ifdef, no asm, no <<<>>> and no __shared__, and then runs on both.
//
// Rules that both sides need: name the lanes of every warp operation (all of them must come); leave
// a kernel early only by whole blocks or after the last collective; never wait for another block;
// put a barrier between writing shared memory and reading what another thread wrote; compute in
// f32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#else
#include "../simt/builtins.h"
#include "../simt/builtins_math.h"
#include "../simt_cuda/cuda_runtime.h"
#endif

#include "../core/error.h"

namespace stylear::cuda {

using bf16 = __nv_bfloat16;

constexpr unsigned full_warp = 0xffffffffu;
constexpr int max_block = 1024;

template <class T>
__host__ __device__ constexpr T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}

// ---- Shared memory.
//   SHARED_ARRAY(float, partial, 32);     a static array, visible to the whole block
//   SharedCarver carve;                   pieces of the dynamic shared memory, in order
//   bf16* tile = carve.take<bf16>(64 * 128);
// The host sizes the launch from the same list: SharedSize().add<bf16>(64 * 128).bytes().
#if defined(__CUDACC__)
#define SHARED_ARRAY(type, name, count) __shared__ type name[count]
extern __shared__ __align__(1024) unsigned char dynamic_shared_memory[];
#else
#define SHARED_ARRAY(type, name, count)              \
  static char name##_key;                            \
  type(&name)[count] = *static_cast<type(*)[count]>( \
      ::stylear::simt::shared_static(&name##_key, sizeof(type) * (count), alignof(type), #name))
#endif

struct SharedCarver {
  size_t offset = 0;
  unsigned index = 0;

  template <class T>
  __device__ __forceinline__ T* take(size_t count, size_t align = 128) {
    const size_t at = (offset + align - 1) / align * align;
    offset = at + sizeof(T) * count;
#if defined(__CUDACC__)
    return reinterpret_cast<T*>(dynamic_shared_memory + at);
#else
    return static_cast<T*>(::stylear::simt::shared_carve(index++, at, sizeof(T) * count, align));
#endif
  }
};

struct SharedSize {
  size_t offset = 0;

  template <class T>
  constexpr SharedSize add(size_t count, size_t align = 128) const {
    return {(offset + align - 1) / align * align + sizeof(T) * count};
  }
  constexpr size_t bytes() const { return offset; }
};

// What a block may have without asking, static arrays and dynamic memory together; for more, the
// dynamic part has to be asked for. `launch` knows only that part, so it asks where a few small
// arrays beside it would be too much, and a kernel that asks has no more of them than that.
constexpr size_t unasked_shared_bytes = 48 * 1024, small_shared_arrays = 2 * 1024;
constexpr bool asks_for_shared(size_t dynamic_bytes) {
  return dynamic_bytes > unasked_shared_bytes - small_shared_arrays;
}

// ---- Launching. Host-side failures become Error; a kernel runs later, or, in the emulation and
// without a stream, before `launch` returns.
using GpuStream = cudaStream_t;

inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // told now, and not again by the next launch
  const char* code = status == cudaErrorMemoryAllocation ? "ERR_OUT_OF_MEMORY" : "ERR_DEVICE";
  throw Error(code, std::string("cuda: ") + what + ": " + cudaGetErrorString(status));
}

#if defined(__CUDACC__)
// Asks for what the GPU has beside small arrays, however much is needed now: a recording may hold a
// launch of the same kernel with more.
inline void ask_for_shared(const void* kernel, size_t bytes) {
  int gpu = 0, limit = 0;
  check_cuda(cudaGetDevice(&gpu), "device");
  check_cuda(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, gpu),
             "device");
  const size_t most = static_cast<size_t>(limit), beside_arrays = most - small_shared_arrays;
  if (bytes > most)
    throw Error("ERR_DEVICE", "cuda: expected a block to need at most " + std::to_string(most) +
                                  " bytes of shared memory on this GPU, got " +
                                  std::to_string(bytes));
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(bytes > beside_arrays ? bytes : beside_arrays)),
             "shared memory of a kernel");
}

template <class... P, class... A>
void launch(GpuStream stream, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
            A&&... args) {
  if (asks_for_shared(shared_bytes))
    ask_for_shared(reinterpret_cast<const void*>(kernel), shared_bytes);
  kernel<<<grid, block, shared_bytes, stream>>>(static_cast<P>(args)...);
  check_cuda(cudaGetLastError(), "kernel launch");
}
#else
template <class... P, class... A>
void launch(GpuStream stream, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
            A&&... args) {
  simt::launch_into(stream, kernel, grid, block, shared_bytes, std::forward<A>(args)...);
}
#endif

// ---- bf16, as single values and as packed pairs.
__device__ __forceinline__ float to_float(float v) { return v; }
__device__ __forceinline__ float to_float(bf16 v) { return __bfloat162float(v); }

template <class T>
__device__ __forceinline__ T from_float(float v) {
  if constexpr (sizeof(T) == sizeof(float))
    return v;
  else
    return __float2bfloat16_rn(v);
}

// What a value becomes when it is stored as T and read again.
template <class T>
__device__ __forceinline__ float rounded_to(float v) {
  return to_float(from_float<T>(v));
}

__device__ __forceinline__ uint32_t pack_bf16(float lo, float hi) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(lo, hi);
  uint32_t bits;
  memcpy(&bits, &pair, 4);
  return bits;
}
// The two halves of a packed pair; exact.
__device__ __forceinline__ float bf16_lo(uint32_t v) { return __uint_as_float(v << 16); }
__device__ __forceinline__ float bf16_hi(uint32_t v) { return __uint_as_float(v & 0xffff0000u); }

// ---- Loads and stores of `n` neighbouring elements as floats: one access of 16 bytes where n
// elements are as many, several where they are more. `p` has to be aligned to min(16, n elements).
template <int n>
__device__ __forceinline__ void load(const float* p, float (&v)[n]) {
  if constexpr (n % 4 == 0) {
#pragma unroll
    for (int i = 0; i < n; i += 4) {
      const float4 x = *reinterpret_cast<const float4*>(p + i);
      v[i] = x.x, v[i + 1] = x.y, v[i + 2] = x.z, v[i + 3] = x.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < n; ++i) v[i] = p[i];
  }
}
template <int n>
__device__ __forceinline__ void load(const bf16* p, float (&v)[n]) {
  if constexpr (n % 8 == 0) {
#pragma unroll
    for (int i = 0; i < n; i += 8) {
      const uint4 x = *reinterpret_cast<const uint4*>(p + i);
      v[i] = bf16_lo(x.x), v[i + 1] = bf16_hi(x.x), v[i + 2] = bf16_lo(x.y);
      v[i + 3] = bf16_hi(x.y), v[i + 4] = bf16_lo(x.z), v[i + 5] = bf16_hi(x.z);
      v[i + 6] = bf16_lo(x.w), v[i + 7] = bf16_hi(x.w);
    }
  } else if constexpr (n == 4) {
    const uint2 x = *reinterpret_cast<const uint2*>(p);
    v[0] = bf16_lo(x.x), v[1] = bf16_hi(x.x), v[2] = bf16_lo(x.y), v[3] = bf16_hi(x.y);
  } else {
#pragma unroll
    for (int i = 0; i < n; ++i) v[i] = to_float(p[i]);
  }
}
template <int n>
__device__ __forceinline__ void store(float* p, const float (&v)[n]) {
  if constexpr (n % 4 == 0) {
#pragma unroll
    for (int i = 0; i < n; i += 4)
      *reinterpret_cast<float4*>(p + i) = make_float4(v[i], v[i + 1], v[i + 2], v[i + 3]);
  } else {
#pragma unroll
    for (int i = 0; i < n; ++i) p[i] = v[i];
  }
}
template <int n>
__device__ __forceinline__ void store(bf16* p, const float (&v)[n]) {
  if constexpr (n % 8 == 0) {
#pragma unroll
    for (int i = 0; i < n; i += 8)
      *reinterpret_cast<uint4*>(p + i) =
          make_uint4(pack_bf16(v[i], v[i + 1]), pack_bf16(v[i + 2], v[i + 3]),
                     pack_bf16(v[i + 4], v[i + 5]), pack_bf16(v[i + 6], v[i + 7]));
  } else if constexpr (n == 4) {
    *reinterpret_cast<uint2*>(p) = make_uint2(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]));
  } else {
#pragma unroll
    for (int i = 0; i < n; ++i) p[i] = from_float<bf16>(v[i]);
  }
}

// Whether `count` elements at each of these pointers can be read `n` at a time with the loads
// above.
inline bool vector_aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }
template <class... P>
bool vectors_of(int64_t n, int64_t count, const P*... pointers) {
  return count % n == 0 && (vector_aligned(pointers) && ...);
}

// ---- Sums and maxima over a warp and over a block, in a fixed order; every thread gets the
// result.
struct Sum {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Max {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

template <class T, class Combine>
__device__ __forceinline__ T warp_reduce(T v, Combine combine) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) v = combine(v, __shfl_xor_sync(full_warp, v, d));
  return v;
}
template <class T>
__device__ __forceinline__ T warp_sum(T v) {
  return warp_reduce(v, Sum());
}
template <class T>
__device__ __forceinline__ T warp_max(T v) {
  return warp_reduce(v, Max());
}

// The block must be whole warps, and all of its threads must call. `identity` stands in for the
// warps that a small block lacks. Two barriers; callers need none of their own around it.
template <class T, class Combine>
__device__ __forceinline__ T block_reduce(T v, T identity, Combine combine) {
  SHARED_ARRAY(T, partial, 32);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
  v = warp_reduce(v, combine);
  if (lane == 0) partial[warp] = v;
  __syncthreads();
  v = warp_reduce(lane < warps ? partial[lane] : identity, combine);
  __syncthreads();
  return v;
}
template <class T>
__device__ __forceinline__ T block_sum(T v) {
  return block_reduce(v, T(0), Sum());
}
__device__ __forceinline__ float block_max(float v) {
  return block_reduce(v, __uint_as_float(0xff800000u), Max());
}

}  // namespace stylear::cuda
