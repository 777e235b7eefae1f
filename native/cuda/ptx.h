// One function per instruction that C++ cannot say, with its emulated twin. Nothing else in the
// project contains PTX. ptx_sm90.h adds Hopper's.
#pragma once

#include "gpu.h"

#if defined(__CUDACC__)
#define PTX_HERE
#define PTX_HERE_ALONE
#else
#include "../simt/instructions.h"
#define PTX_HERE , SIMT_HERE
#define PTX_HERE_ALONE SIMT_HERE
#endif

namespace stylear::cuda::ptx {

#if defined(__CUDACC__)
__device__ __forceinline__ uint32_t shared_address(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}
#endif

// Copies 16 bytes from global to shared memory, past L1; with `valid` false the destination is
// filled with zeros and the source, which must still be a pointer that may be formed, is not read.
__device__ __forceinline__ void cp_async_16(void* shared, const void* global, bool valid = true) {
#if defined(__CUDACC__)
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)),
               "l"(global), "r"(bytes)
               : "memory");
#else
  simt::cp_async(shared, global, 16, valid ? 16 : 0);
#endif
}

// The same for 4 or 8 bytes, through L1.
template <int bytes>
__device__ __forceinline__ void cp_async(void* shared, const void* global, bool valid = true) {
  static_assert(bytes == 4 || bytes == 8);
#if defined(__CUDACC__)
  const int source_bytes = valid ? bytes : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;\n" ::"r"(shared_address(shared)),
               "l"(global), "n"(bytes), "r"(source_bytes)
               : "memory");
#else
  simt::cp_async(shared, global, bytes, valid ? bytes : 0);
#endif
}

// Ends a group of this thread's copies.
__device__ __forceinline__ void cp_async_commit() {
#if defined(__CUDACC__)
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#else
  simt::cp_async_commit();
#endif
}

// Waits until at most `pending` of this thread's most recent groups are incomplete. Other threads
// see the data after a barrier.
template <int pending>
__device__ __forceinline__ void cp_async_wait() {
#if defined(__CUDACC__)
  asm volatile("cp.async.wait_group %0;\n" ::"n"(pending) : "memory");
#else
  simt::cp_async_wait(pending);
#endif
}

// Four 8x8 matrices of 16-bit elements: lane 8*i+j supplies the address of row j of matrix i; lane
// l gets elements 2*(l%4) and 2*(l%4)+1 of row l/4 of each.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row PTX_HERE) {
#if defined(__CUDACC__)
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
#else
  simt::ldmatrix(r, row, 4, false, file, line);
#endif
}

// The same with each matrix transposed.
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row PTX_HERE) {
#if defined(__CUDACC__)
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
#else
  simt::ldmatrix(r, row, 4, true, file, line);
#endif
}

// Two matrices; lanes 0 to 15 supply the addresses, the others' must still be valid pointers.
__device__ __forceinline__ void ldmatrix_x2(uint32_t (&r)[2], const void* row PTX_HERE) {
#if defined(__CUDACC__)
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row))
               : "memory");
#else
  simt::ldmatrix(r, row, 2, false, file, line);
#endif
}
__device__ __forceinline__ void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row PTX_HERE) {
#if defined(__CUDACC__)
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];\n"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row))
               : "memory");
#else
  simt::ldmatrix(r, row, 2, true, file, line);
#endif
}

// d[16x8] += a[16x16] * b[16x8]: a row-major, b column-major, bf16 in, f32 sums. With g = lane / 4
// and t = 2 * (lane % 4): a = {(g, t), (g+8, t), (g, t+8), (g+8, t+8)}, b = {(t, g), (t+8, g)},
// pairs along k; d = {(g, t), (g, t+1), (g+8, t), (g+8, t+1)}.
__device__ __forceinline__ void mma_bf16_16816(float (&d)[4], const uint32_t (&a)[4],
                                               const uint32_t (&b)[2] PTX_HERE) {
#if defined(__CUDACC__)
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  simt::mma_bf16_16816(d, a, b, file, line);
#endif
}

// Barrier `id` (1 to 15; 0 is __syncthreads) for `threads` threads, a multiple of 32.
template <int id>
__device__ __forceinline__ void named_barrier(int threads PTX_HERE) {
  static_assert(id >= 1 && id <= 15);
#if defined(__CUDACC__)
  asm volatile("bar.sync %0, %1;\n" ::"n"(id), "r"(threads) : "memory");
#else
  simt::block_barrier(id, threads, "bar.sync", file, line);
#endif
}

// 2^x, approximate: the largest relative error is about 2 units in the last place on the GPU.
// Subnormal results are zero.
__device__ __forceinline__ float exp2_approx(float x) {
#if defined(__CUDACC__)
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(y) : "f"(x));
  return y;
#else
  const float y = std::exp2(x);
  return y < 0x1p-126f ? 0.f : y;
#endif
}

}  // namespace stylear::cuda::ptx
