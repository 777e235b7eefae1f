// Hopper's asynchronous instructions on the host: mbarriers, bulk tensor copies, wgmma. They happen
// as late as they may (when somebody waits for them), as early as they may (at issue), or at
// random, so that both missing waits and missing "buffer is free" signals change results.
#pragma once

#include "engine.h"

namespace stylear::simt {

// What the driver would encode into an opaque tensor map.
struct alignas(64) TensorMap {
  const void* base;
  unsigned rank, element_bytes, swizzle;  // swizzle span: 0, 32, 64 or 128 bytes
  uint64_t size[5];                       // innermost first, in elements
  uint64_t stride[5];                     // bytes; stride[0] is the element size
  uint32_t box[5];
};
void tensor_map_check(const TensorMap& map);  // the driver's rules; throws Error

void mbarrier_init(uint64_t* barrier, unsigned count);
void mbarrier_arrive(uint64_t* barrier, unsigned expected_bytes);
void mbarrier_wait(uint64_t* barrier, unsigned parity, const char* file, int line);
void fence_proxy_async();
void tensor_load(void* to, const TensorMap* map, uint64_t* barrier, const int* at, int rank);

// One instruction as one thread sees it.
struct Wgmma {
  float* d;
  const uint32_t* a;  // registers, or null: desc_a
  uint64_t desc_a, desc_b;
  int n;
  bool accumulate, trans_a, trans_b;
};
void wgmma(const Wgmma& w, const char* file, int line);
void wgmma_commit(const char* file, int line);
void wgmma_wait(unsigned pending, const char* file, int line);

}  // namespace stylear::simt
