#include "../../core/ops/gaussian_noise.h"

#include <algorithm>
#include <cmath>

#include "../../core/philox.h"
#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// The four normals of one block of bits (core/philox.h).
void gaussians(Seed seed, int64_t block, float (&normals)[4]) {
  const PhiloxBlock bits = element_bits(seed, Draw::noise, block);
  for (int pair = 0; pair < 4; pair += 2) {
    const float radius = std::sqrt(-2.0f * std::log(uniform_of(bits.words[pair])));
    const float angle = 6.28318531f * uniform_of(bits.words[pair + 1]);
    normals[pair] = radius * std::cos(angle);
    normals[pair + 1] = radius * std::sin(angle);
  }
}

}  // namespace

void run(const GaussianNoise& op, Workers& workers) {
  const int32_t* halves = op.seed.as<int32_t>();
  const Seed seed(halves[0], halves[1]);
  with_float(op.x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = op.x.as<T>();
    T* y = op.y.as<T>();
    workers.for_each(op.x.count(), 1 << 12, [&](int64_t begin, int64_t end) {
      for (int64_t first = begin; first < end; first += 4) {
        float normals[4];
        gaussians(seed, first / 4, normals);
        for (int64_t i = first; i < std::min(first + 4, end); ++i)
          y[i] = T(static_cast<float>(x[i]) + op.strength * normals[i - first]);
      }
    });
  });
}

}  // namespace stylear::cpu
