#include "../../core/ops/advance.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

struct AdvanceBody {
  int32_t* x;
  const int32_t* step;
  int64_t period;  // elements of step

  template <int n>
  __device__ void run(int64_t at) const {
#pragma unroll
    for (int i = 0; i < n; ++i) x[at + i] += step[(at + i) % period];
  }
};

}  // namespace

// A handful of integers: bounded by the launch.
void run(const Advance& op, Stream& stream) {
  const AdvanceBody body{op.x.as<int32_t>(), op.step.as<int32_t>(), op.step.count()};
  for_each_element(stream, op.x.count(), false, body);
}

}  // namespace stylear::cuda
