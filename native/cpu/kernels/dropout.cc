#include "../../core/ops/dropout.h"

#include <algorithm>

#include "../../core/philox.h"
#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

void run(const Dropout& op, Workers& workers) {
  const int32_t* halves = op.seed.as<int32_t>();
  const Seed seed(halves[0], halves[1]);
  const float keep = 1.0f / (1.0f - op.p);
  with_float(op.x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = op.x.as<T>();
    T* y = op.y.as<T>();
    workers.for_each(op.x.count(), 1 << 12, [&](int64_t begin, int64_t end) {
      for (int64_t first = begin; first < end; first += 4) {
        const PhiloxBlock bits = element_bits(seed, Draw::dropout, first / 4);
        for (int64_t i = first; i < std::min(first + 4, end); ++i)
          y[i] = uniform_of(bits.words[i - first]) >= op.p ? T(static_cast<float>(x[i]) * keep)
                                                           : T(0.0f);
      }
    });
  });
}

}  // namespace stylear::cpu
