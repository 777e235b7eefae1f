#include "../../core/ops/repeat.h"

#include <algorithm>
#include <cstring>

#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

void run(const Repeat& op, Workers& workers) {
  const int64_t bytes = op.x.bytes(), times = op.y.bytes() / bytes;
  const char* x = op.x.as<char>();
  char* y = op.y.as<char>();
  if (op.x.count() == 1 && op.x.dtype == Dtype::f32) {
    float* out = op.y.as<float>();
    const float value = *op.x.as<float>();
    workers.for_each(times, 1 << 15,
                     [&](int64_t begin, int64_t end) { std::fill(out + begin, out + end, value); });
    return;
  }
  workers.for_each(times, std::max<int64_t>(1, (64 << 10) / bytes),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t t = begin; t < end; ++t) std::memcpy(y + t * bytes, x, bytes);
                   });
}

}  // namespace stylear::cpu
