// c = a b through an epilogue, by whom it suits: on tensor cores where neither operand is f32, by
// f32 multiply-adds else; large matrices by cuBLASLt where the machine has it, by wgmma on Hopper.
#pragma once

#include "cublaslt.h"
#include "gemm_fma.cuh"
#include "gemm_mma.cuh"
#include "gemm_wgmma.cuh"

namespace stylear::cuda {

// An operand has lines of terms (along k: a as [m, k], b as [n, k]) or one line per term (a as
// [k, m], b as [k, n]).
template <bool a_along_k, bool b_along_k, class A, class B>
void gemm(Stream& stream, const A& a, const B& b, const GemmShape& shape,
          const Epilogue& epilogue) {
  if (a.dtype == Dtype::f32 || b.dtype == Dtype::f32)
    gemm_fma<a_along_k, b_along_k>(stream, a, b, shape, epilogue);
  else
    gemm_mma<a_along_k, b_along_k>(stream, a, b, shape, epilogue);
}

// By cuBLASLt: straight into y where nothing but a residual is added to the sums, else by way of
// sums in scratch memory. False, with nothing done, where it is absent or the product does not
// suit.
inline bool gemm_by_library(Stream& stream, const Dense& a, bool transpose_a, const Dense& b,
                            bool transpose_b, const GemmShape& shape, const Epilogue& epilogue) {
  constexpr double least = 1 << 27;  // multiply-adds; below, starting it takes as long as the work
  if (!stream.blas || a.dtype != b.dtype || !a.vectors || !b.vectors) return false;
  if (double(shape.m) * shape.n * shape.k < least) return false;
  const bool direct = !epilogue.scale && !epilogue.sums && !epilogue.bias.data &&
                      epilogue.function == Pointwise::none && vector_aligned(epilogue.y) &&
                      vector_aligned(epilogue.residual.data) && shape.n % 8 == 0;
  BlasProduct product{a.data,  b.data,      nullptr,     nullptr, shape.m,    shape.n,
                      shape.k, transpose_a, transpose_b, a.dtype, Dtype::f32, 1.0f};
  if (direct) {
    product.c = epilogue.y;
    product.added = epilogue.residual.data;
    product.out = epilogue.wide ? Dtype::f32 : Dtype::bf16;
    product.alpha = epilogue.alpha;
    return stream.blas->multiply(stream, product);
  }
  float* sums = stream.scratch<float>(int64_t{shape.m} * shape.n);
  product.c = sums;
  if (!stream.blas->multiply(stream, product)) return false;
  add_shares(stream, sums, shape, epilogue);
  return true;
}

template <bool a_along_k, bool b_along_k>
void gemm_dense(Stream& stream, const Dense& a, const Dense& b, const GemmShape& shape,
                const Epilogue& epilogue) {
  if (gemm_by_library(stream, a, !a_along_k, b, b_along_k, shape, epilogue)) return;
  if (suits_wgmma(stream, a, b, shape))
    gemm_wgmma<a_along_k, b_along_k>(stream, a, b, shape, epilogue);
  else
    gemm<a_along_k, b_along_k>(stream, a, b, shape, epilogue);
}

}  // namespace stylear::cuda
