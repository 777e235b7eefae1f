#include "../../core/ops/gaussian_noise.h"

#include "../../core/philox.h"
#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// A thread per block of four elements, which share one Philox call (core/philox.h). Bounded by the
// arithmetic of Philox and Box-Muller, about 150 instructions for 16 to 32 bytes.
template <class T, bool whole>
__global__ void gaussian_noise_kernel(const T* x, const int32_t* seed, T* y, int64_t count,
                                      float strength) {
  const int64_t block = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, first = block * 4;
  if (first >= count) return;
  const PhiloxBlock bits = element_bits(Seed(seed[0], seed[1]), Draw::noise, block);
  float normals[4];
#pragma unroll
  for (int pair = 0; pair < 4; pair += 2) {
    const float radius = sqrtf(-2.0f * logf(uniform_of(bits.words[pair])));
    float sine, cosine;
    sincospif(2.0f * uniform_of(bits.words[pair + 1]), &sine, &cosine);
    normals[pair] = radius * cosine;
    normals[pair + 1] = radius * sine;
  }
  if (whole && first + 4 <= count) {
    float v[4];
    load<4>(x + first, v);
#pragma unroll
    for (int i = 0; i < 4; ++i) v[i] += strength * normals[i];
    store<4>(y + first, v);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (first + i < count)
        y[first + i] = from_float<T>(to_float(x[first + i]) + strength * normals[i]);
  }
}

}  // namespace

void run(const GaussianNoise& op, Stream& stream) {
  const int64_t count = op.x.count();
  const dim3 blocks = element_blocks(ceil_div<int64_t>(count, 4));
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    launch(stream,
           aligned(op.x, op.y) ? gaussian_noise_kernel<T, true> : gaussian_noise_kernel<T, false>,
           blocks, element_threads, 0, op.x.as<T>(), op.seed.as<int32_t>(), op.y.as<T>(), count,
           op.strength);
  });
}

}  // namespace stylear::cuda
