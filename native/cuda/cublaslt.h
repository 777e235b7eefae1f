// Large products by cuBLASLt, where a machine has it. The library is opened at run time, never
// linked, and nothing of its headers is needed to build.
#pragma once

#include <memory>

#include "../core/tensor.h"
#include "stream.h"

namespace stylear::cuda {

// c[m, n] = alpha op(a) op(b) + added, all row-major: a is [m, k], or [k, m] if transpose_a; b is
// [k, n], or [n, k] if transpose_b. Sums in f32 (no tf32).
struct BlasProduct {
  const void *a, *b;
  const void* added;  // like c, may be c; null: nothing
  void* c;
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  Dtype in, out;  // of a and b; of c. f32 | bf16
  float alpha;
};

struct BlasLibrary {
  virtual ~BlasLibrary() = default;
  // Opens it now instead of by the first product, if that is still to come: not everything that it
  // begins with is allowed during a recording.
  virtual void open() {}
  // Enqueues the product. False, with nothing done, if the library has no way to do this one.
  // Pointers have to be aligned to 16 bytes.
  virtual bool multiply(Stream& stream, const BlasProduct& product) = 0;
};

// For products on `gpu`, the current one. The file named by the environment variable
// STYLEAR_CUBLASLT, opened now; throws ERR_DEVICE if it cannot serve; null where it says `none`.
// Without that variable the system's libcublasLt, opened by the first product; where there is none
// that serves, no product can be done. ERR_OUT_OF_MEMORY, of any call, leaves it to the next one.
std::unique_ptr<BlasLibrary> find_cublaslt(int gpu);

}  // namespace stylear::cuda
