#include "../gemm.cuh"
#include "../run.h"

namespace stylear::cuda {

namespace {

template <bool a_along_k, bool b_along_k>
void multiply(const Matmul& op, Stream& stream, const GemmShape& shape, const Epilogue& epilogue) {
  gemm_dense<a_along_k, b_along_k>(stream, Dense(op.a, op.a.shape[0], op.a.shape[1]),
                                   Dense(op.b, op.b.shape[0], op.b.shape[1]), shape, epilogue);
}

}  // namespace

void run(const Matmul& op, Stream& stream) {
  const int64_t k = op.a.shape[op.transpose_a ? 0 : 1];
  const GemmShape shape = gemm_shape(Matmul::name, op.c.shape[0], op.c.shape[1], k);
  Epilogue epilogue(op.c, shape.n);
  epilogue.alpha = op.alpha;
  if (op.accumulate) epilogue.set_residual(op.c);
  if (op.transpose_a)
    op.transpose_b ? multiply<false, true>(op, stream, shape, epilogue)
                   : multiply<false, false>(op, stream, shape, epilogue);
  else
    op.transpose_b ? multiply<true, true>(op, stream, shape, epilogue)
                   : multiply<true, false>(op, stream, shape, epilogue);
}

}  // namespace stylear::cuda
