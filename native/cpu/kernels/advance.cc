#include "../../core/ops/advance.h"

#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

void run(const Advance& op, Workers&) {
  int32_t* x = op.x.as<int32_t>();
  const int32_t* step = op.step.as<int32_t>();
  const int64_t stride = op.step.count() == 1 ? 0 : 1;
  for (int64_t i = 0; i < op.x.count(); ++i) x[i] += step[i * stride];
}

}  // namespace stylear::cpu
