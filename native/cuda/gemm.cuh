// c = a b through an epilogue, by the kernel that suits the dtypes: on tensor cores where both
// operands are narrow (their products are exact there), by f32 multiply-adds where one is f32.
#pragma once

#include "gemm_fma.cuh"
#include "gemm_mma.cuh"

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

}  // namespace stylear::cuda
