// How each op is entered on CUDA: kernels/<stem>.cu defines `run` for the ops of one header.
#pragma once

#include "../core/ops.h"

namespace stylear::cuda {

struct Stream;

#define X(Op) void run(const Op& op, Stream& stream);
STYLEAR_OPS(X)
#undef X

}  // namespace stylear::cuda
