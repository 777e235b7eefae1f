#include "../../core/ops/dropout.h"

#include "../../core/philox.h"
#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// A thread per block of four elements, which share one Philox call (core/philox.h): some 100
// instructions for 16 to 32 bytes, which is about what memory allows.
template <class T, bool whole>
__global__ void dropout_kernel(const T* x, const int32_t* seed, T* y, int64_t count, float p) {
  const int64_t block = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, first = block * 4;
  if (first >= count) return;
  const PhiloxBlock bits = element_bits(Seed(seed[0], seed[1]), Draw::dropout, block);
  const float keep = 1.0f / (1.0f - p);
  if (whole && first + 4 <= count) {
    float v[4];
    load<4>(x + first, v);
#pragma unroll
    for (int i = 0; i < 4; ++i) v[i] = uniform_of(bits.words[i]) >= p ? v[i] * keep : 0.0f;
    store<4>(y + first, v);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (first + i < count)
        y[first + i] =
            from_float<T>(uniform_of(bits.words[i]) >= p ? to_float(x[first + i]) * keep : 0.0f);
  }
}

}  // namespace

void run(const Dropout& op, Stream& stream) {
  const int64_t count = op.x.count();
  const dim3 blocks = element_blocks(ceil_div<int64_t>(count, 4));
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    launch(stream, aligned(op.x, op.y) ? dropout_kernel<T, true> : dropout_kernel<T, false>, blocks,
           element_threads, 0, op.x.as<T>(), op.seed.as<int32_t>(), op.y.as<T>(), count, op.p);
  });
}

}  // namespace stylear::cuda
