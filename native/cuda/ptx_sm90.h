// Hopper's asynchronous instructions: mbarriers, bulk tensor copies, products of a warpgroup.
// They exist on sm_90a alone: for other GPUs these functions are empty, so that a file compiles for
// all, and a kernel that uses them must be launched where Stream::compute_capability is 90.
#pragma once

#include "ptx.h"

#if defined(__CUDACC__)
#include <cuda.h>
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define PTX_SM90A
#endif
#else
#include "../simt/async.h"
#define PTX_EMULATED
#endif

namespace stylear::cuda {

#if defined(__CUDACC__)
using TensorMap = CUtensorMap;
#else
using TensorMap = simt::TensorMap;
#endif

namespace ptx {

// Whether the code being compiled has them. Only the passes for a GPU know; device.cu asks.
#if defined(PTX_SM90A)
constexpr bool has_sm90a = true;
#else
constexpr bool has_sm90a = false;
#endif

// ---- mbarriers: 8 bytes of shared memory each.
__device__ __forceinline__ void mbarrier_init(uint64_t* barrier, unsigned count) {
#if defined(PTX_SM90A)
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(shared_address(barrier)),
               "r"(count)
               : "memory");
#elif defined(PTX_EMULATED)
  simt::mbarrier_init(barrier, count);
#endif
}

// Makes this thread's inits and stores visible to asynchronous instructions; a barrier must follow.
__device__ __forceinline__ void fence_proxy_async() {
#if defined(PTX_SM90A)
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
#elif defined(PTX_EMULATED)
  simt::fence_proxy_async();
#endif
}

__device__ __forceinline__ void mbarrier_arrive(uint64_t* barrier) {
#if defined(PTX_SM90A)
  asm volatile(
      "{ .reg .b64 t; mbarrier.arrive.shared::cta.b64 t, [%0]; }\n" ::"r"(shared_address(barrier))
      : "memory");
#elif defined(PTX_EMULATED)
  simt::mbarrier_arrive(barrier, 0);
#endif
}

// Arrives, and announces that copies of `bytes` bytes in total will complete on this barrier in
// this phase.
__device__ __forceinline__ void mbarrier_arrive_expect(uint64_t* barrier, unsigned bytes) {
#if defined(PTX_SM90A)
  asm volatile("{ .reg .b64 t; mbarrier.arrive.expect_tx.shared::cta.b64 t, [%0], %1; }\n" ::"r"(
                   shared_address(barrier)),
               "r"(bytes)
               : "memory");
#elif defined(PTX_EMULATED)
  simt::mbarrier_arrive(barrier, bytes);
#endif
}

// Waits for the end of the phase of this parity (0, 1, 0, 1, ... since the init).
__device__ __forceinline__ void mbarrier_wait(uint64_t* barrier, unsigned parity PTX_HERE) {
#if defined(PTX_SM90A)
  asm volatile(
      "{\n"
      ".reg .pred p;\n"
      "L_wait:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
      "@p bra L_done;\n"
      "bra L_wait;\n"
      "L_done:\n"
      "}\n" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
#elif defined(PTX_EMULATED)
  simt::mbarrier_wait(barrier, parity, file, line);
#endif
}

// ---- bulk tensor copies, executed by one thread: the box of `map` whose corner is at (c0, c1),
// innermost first. Elements outside the tensor are zero.
__device__ __forceinline__ void tensor_load_2d(void* shared, const TensorMap* map,
                                               uint64_t* barrier, int c0, int c1) {
#if defined(PTX_SM90A)
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%3, %4}], [%2];\n" ::"r"(shared_address(shared)),
      "l"(map), "r"(shared_address(barrier)), "r"(c0), "r"(c1)
      : "memory");
#elif defined(PTX_EMULATED)
  const int at[2] = {c0, c1};
  simt::tensor_load(shared, map, barrier, at, 2);
#endif
}
__device__ __forceinline__ void tensor_load_4d(void* shared, const TensorMap* map,
                                               uint64_t* barrier, int c0, int c1, int c2, int c3) {
#if defined(PTX_SM90A)
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%3, %4, %5, %6}], [%2];\n" ::"r"(shared_address(shared)),
      "l"(map), "r"(shared_address(barrier)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
#elif defined(PTX_EMULATED)
  const int at[4] = {c0, c1, c2, c3};
  simt::tensor_load(shared, map, barrier, at, 4);
#endif
}

// ---- Registers. A kernel that has __launch_bounds__(threads, 1) begins with the same number for
// all of its threads, a multiple of 8, that the file allows; a warpgroup that needs fewer gives
// some back, one that needs more takes them, waiting until they are there.
template <int registers>
__device__ __forceinline__ void registers_give() {
  static_assert(registers >= 24 && registers <= 256 && registers % 8 == 0);
#if defined(PTX_SM90A)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(registers));
#endif
}
template <int registers>
__device__ __forceinline__ void registers_take() {
  static_assert(registers >= 24 && registers <= 256 && registers % 8 == 0);
#if defined(PTX_SM90A)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(registers));
#endif
}

// ---- wgmma: products of the four warps of a warpgroup.
// The descriptor of a tile stored with the 128-byte swizzle. K-major (rows of 64 bf16): stride =
// the distance of groups of 8 rows (1024 when dense), leading is ignored. M/N-major: leading = the
// distance of blocks of 64 columns, stride = that of groups of 8 k.
__device__ __forceinline__ uint64_t wgmma_descriptor(const void* tile, unsigned leading,
                                                     unsigned stride) {
#if defined(__CUDACC__)
  const uint64_t address = shared_address(tile);
#else
  const uint64_t address = simt::shared_offset(tile);
#endif
  return (address & 0x3ffff) >> 4 | uint64_t{leading >> 4} << 16 | uint64_t{stride >> 4} << 32 |
         1ull << 62;
}

// Before the first product, and after registers of d or a were written.
__device__ __forceinline__ void wgmma_fence() {
#if defined(PTX_SM90A)
  asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
#endif
}

__device__ __forceinline__ void wgmma_commit(PTX_HERE_ALONE) {
#if defined(PTX_SM90A)
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
#elif defined(PTX_EMULATED)
  simt::wgmma_commit(file, line);
#endif
}

// Waits until at most `pending` of the most recent groups are incomplete.
template <int pending>
__device__ __forceinline__ void wgmma_wait(PTX_HERE_ALONE) {
#if defined(PTX_SM90A)
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(pending) : "memory");
#elif defined(PTX_EMULATED)
  simt::wgmma_wait(pending, file, line);
#endif
}

// Keeps the use of d's registers behind a wait: until then a compiler may take what a product will
// leave in them for what they hold.
template <int n>
__device__ __forceinline__ void wgmma_settle(float (&d)[n]) {
#if defined(PTX_SM90A)
#pragma unroll
  for (int i = 0; i < n; ++i) asm volatile("" : "+f"(d[i])::"memory");
#else
  static_cast<void>(d);
#endif
}

#define PTX_F8(d, i)                                                                          \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define PTX_D32                                                                     \
  "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21," \
  "%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, "

// d[64x64] = a * b (+ d), f32 sums; both operands in shared memory, given by descriptors.
template <bool trans_b>
__device__ __forceinline__ void wgmma_m64n64k16(float (&d)[32], uint64_t a, uint64_t b,
                                                bool accumulate PTX_HERE) {
#if defined(PTX_SM90A)
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " PTX_D32
      "%32, %33, p, 1, 1, 0, %35;\n}\n"
      : PTX_F8(d, 0), PTX_F8(d, 8), PTX_F8(d, 16), PTX_F8(d, 24)
      : "l"(a), "l"(b), "r"(int(accumulate)), "n"(int(trans_b)));
#elif defined(PTX_EMULATED)
  simt::wgmma({d, nullptr, a, b, 64, accumulate, false, trans_b}, file, line);
#endif
}

// The same with a in registers: the layout of mma_bf16_16816's a, per warp.
template <bool trans_b>
__device__ __forceinline__ void wgmma_m64n64k16(float (&d)[32], const uint32_t (&a)[4], uint64_t b,
                                                bool accumulate PTX_HERE) {
#if defined(PTX_SM90A)
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %37, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " PTX_D32
      "{%32,%33,%34,%35}, %36, p, 1, 1, %38;\n}\n"
      : PTX_F8(d, 0), PTX_F8(d, 8), PTX_F8(d, 16), PTX_F8(d, 24)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int(accumulate)),
        "n"(int(trans_b)));
#elif defined(PTX_EMULATED)
  simt::wgmma({d, a, 0, b, 64, accumulate, false, trans_b}, file, line);
#endif
}

#define PTX_D64                                                                              \
  "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,"          \
  "%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43," \
  "%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63}, "

// d[64x128] = a * b (+ d), as above. `trans_a`: a is stored M-major, `trans_b`: b is N-major.
template <bool trans_a, bool trans_b>
__device__ __forceinline__ void wgmma_m64n128k16(float (&d)[64], uint64_t a, uint64_t b,
                                                 bool accumulate PTX_HERE) {
#if defined(PTX_SM90A)
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 " PTX_D64
      "%64, %65, p, 1, 1, %67, %68;\n}\n"
      : PTX_F8(d, 0), PTX_F8(d, 8), PTX_F8(d, 16), PTX_F8(d, 24), PTX_F8(d, 32), PTX_F8(d, 40),
        PTX_F8(d, 48), PTX_F8(d, 56)
      : "l"(a), "l"(b), "r"(int(accumulate)), "n"(int(trans_a)), "n"(int(trans_b)));
#elif defined(PTX_EMULATED)
  simt::wgmma({d, nullptr, a, b, 128, accumulate, trans_a, trans_b}, file, line);
#endif
}

// The same with a in registers, as for m64n64k16.
template <bool trans_b>
__device__ __forceinline__ void wgmma_m64n128k16(float (&d)[64], const uint32_t (&a)[4], uint64_t b,
                                                 bool accumulate PTX_HERE) {
#if defined(PTX_SM90A)
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %69, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 " PTX_D64
      "{%64,%65,%66,%67}, %68, p, 1, 1, %70;\n}\n"
      : PTX_F8(d, 0), PTX_F8(d, 8), PTX_F8(d, 16), PTX_F8(d, 24), PTX_F8(d, 32), PTX_F8(d, 40),
        PTX_F8(d, 48), PTX_F8(d, 56)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int(accumulate)),
        "n"(int(trans_b)));
#elif defined(PTX_EMULATED)
  simt::wgmma({d, a, 0, b, 128, accumulate, false, trans_b}, file, line);
#endif
}

#undef PTX_D64
#undef PTX_D32
#undef PTX_F8

}  // namespace ptx
}  // namespace stylear::cuda
