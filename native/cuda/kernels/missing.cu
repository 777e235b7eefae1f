// Ops whose kernels have not landed. TODO: remove when every op in core/ops.h has its kernel.
#include "../run.h"

namespace stylear::cuda {

#define X(Op)                                                                                \
  __attribute__((weak)) void run(const Op&, Stream&) {                                       \
    throw Error("ERR_DEVICE", std::string(Op::name) + ": has no CUDA kernel in this build"); \
  }
STYLEAR_OPS(X)
#undef X

}  // namespace stylear::cuda
