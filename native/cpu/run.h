// How each op is entered on the CPU: kernels/<stem>.cc defines `run` for the ops of one header.
#pragma once

#include "../core/ops.h"

namespace stylear::cpu {

class Workers;

#define X(Op) void run(const Op& op, Workers& workers);
STYLEAR_OPS(X)
#undef X

}  // namespace stylear::cpu
