// The rest of the names of CUDA C++: atomics, loads with cache hints, bits, approximations, and
// bf16 with the layout, names and rounding of cuda_bf16.h.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine.h"

// ---- atomics
namespace stylear::simt {

// Compiler builtins rather than std::atomic_ref, whose inline members the race build would see.
template <class T, class F>
SIMT_OPAQUE T atomic_update(T* p, F f) {
  using Bits = std::conditional_t<sizeof(T) == 8, uint64_t,
                                  std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>>;
  static_assert(sizeof(T) == sizeof(Bits));
  atomic_touch(p, sizeof(T), __builtin_return_address(0));
  auto* bits = reinterpret_cast<Bits*>(p);
  Bits old = __atomic_load_n(bits, __ATOMIC_RELAXED);
  for (;;) {
    const Bits updated = __builtin_bit_cast(Bits, T(f(__builtin_bit_cast(T, old))));
    if (__atomic_compare_exchange_n(bits, &old, updated, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return __builtin_bit_cast(T, old);
  }
}
template <class T>
struct Adds {
  T v;
  SIMT_OPAQUE T operator()(T old) const { return T(old + v); }
};
template <class T>
SIMT_OPAQUE T atomic_add(T* p, T v) {
  if constexpr (std::is_integral_v<T>) {
    atomic_touch(p, sizeof(T), __builtin_return_address(0));
    return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
  } else {
    return atomic_update(p, Adds<T>{v});
  }
}

}  // namespace stylear::simt

template <class T>
inline T atomicAdd(T* p, std::type_identity_t<T> v) {
  return stylear::simt::atomic_add(p, v);
}
template <class T>
inline T atomicSub(T* p, std::type_identity_t<T> v) {
  return stylear::simt::atomic_add(p, T(T(0) - v));
}
template <class T>
inline T atomicMax(T* p, std::type_identity_t<T> v) {
  return stylear::simt::atomic_update(p, [v](T old) { return old > v ? old : v; });
}
template <class T>
inline T atomicMin(T* p, std::type_identity_t<T> v) {
  return stylear::simt::atomic_update(p, [v](T old) { return old < v ? old : v; });
}
template <class T>
inline T atomicOr(T* p, std::type_identity_t<T> v) {
  return stylear::simt::atomic_update(p, [v](T old) { return T(old | v); });
}
template <class T>
inline T atomicAnd(T* p, std::type_identity_t<T> v) {
  return stylear::simt::atomic_update(p, [v](T old) { return T(old & v); });
}
template <class T>
inline T atomicExch(T* p, std::type_identity_t<T> v) {
  return stylear::simt::atomic_update(p, [v](T) { return v; });
}
template <class T>
inline T atomicCAS(T* p, std::type_identity_t<T> compare, std::type_identity_t<T> v) {
  return stylear::simt::atomic_update(p, [=](T old) { return old == compare ? v : old; });
}
inline unsigned atomicInc(unsigned* p, unsigned limit) {
  return stylear::simt::atomic_update(p, [=](unsigned old) { return old >= limit ? 0u : old + 1; });
}

// ---- loads and stores with cache hints
template <class T>
__forceinline__ T __ldg(const T* p) {
  return *p;
}
template <class T>
__forceinline__ T __ldcs(const T* p) {
  return *p;
}
template <class T>
__forceinline__ T __ldcg(const T* p) {
  return *p;
}
template <class T>
__forceinline__ void __stcs(T* p, T v) {
  *p = v;
}

// ---- bits
inline int __popc(unsigned v) { return std::popcount(v); }
inline int __popcll(unsigned long long v) { return std::popcount(v); }
inline int __clz(int v) { return std::countl_zero(unsigned(v)); }
inline int __clzll(long long v) { return std::countl_zero(static_cast<unsigned long long>(v)); }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline unsigned __brev(unsigned v) {
  unsigned r = 0;
  for (int i = 0; i < 32; ++i) r |= (v >> i & 1u) << (31 - i);
  return r;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned select) {
  const uint64_t v = uint64_t(b) << 32 | a;
  unsigned r = 0;
  for (int i = 0; i < 4; ++i) r |= unsigned(v >> (8 * (select >> (4 * i) & 7)) & 0xff) << (8 * i);
  return r;
}
inline int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 4; ++i) c += int(int8_t(a >> (8 * i))) * int(int8_t(b >> (8 * i)));
  return c;
}
inline unsigned __float_as_uint(float f) { return std::bit_cast<unsigned>(f); }
inline int __float_as_int(float f) { return std::bit_cast<int>(f); }
inline float __uint_as_float(unsigned u) { return std::bit_cast<float>(u); }
inline float __int_as_float(int i) { return std::bit_cast<float>(i); }

// ---- arithmetic
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __saturatef(float x) { return !(x > 0.f) ? 0.f : x > 1.f ? 1.f : x; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
// In f64: far out a rounded argument would cost dozens of units in the last place.
inline float normcdff(float x) {
  return float(0.5 * std::erfc(double(x) * -0.70710678118654752440));
}
// Exact at multiples of one half.
inline void sincospif(float x, float* s, float* c) {
  const double turn = std::remainder(double(x), 2.0), angle = 3.14159265358979323846 * turn;
  *s = std::abs(turn) == 1 ? std::copysign(0.f, x) : float(std::sin(angle));
  *c = std::abs(turn) == 0.5 ? 0.f : float(std::cos(angle));
}
// What lies outside of the range becomes its end, NaN zero.
inline int __float2int_rn(float x) {
  if (x != x) return 0;
  return int(std::clamp(std::nearbyint(double(x)), -2147483648.0, 2147483647.0));
}
inline float __int2float_rn(int x) { return float(x); }
using std::max;
using std::min;
inline unsigned min(unsigned a, int b) { return std::min(a, unsigned(b)); }
inline unsigned max(unsigned a, int b) { return std::max(a, unsigned(b)); }

// ---- bf16: conversions only, no arithmetic operators, because kernels compute in f32
struct __nv_bfloat16 {
  uint16_t bits;
};
struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
inline float __bfloat162float(__nv_bfloat16 v) {
  return std::bit_cast<float>(uint32_t(v.bits) << 16);
}
inline __nv_bfloat16 __float2bfloat16_rn(float f) {
  const uint32_t u = std::bit_cast<uint32_t>(f);
  if (f != f) return {0x7fff};
  return {uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16)};
}
inline __nv_bfloat162 __floats2bfloat162_rn(float a, float b) {
  return {__float2bfloat16_rn(a), __float2bfloat16_rn(b)};
}
