// The angles of rotary position embedding (core/ops/rope.h).
#pragma once

#include "gpu.h"

namespace stylear::cuda {

// Cosine and sine of position * theta^(-2 i / headDim), rounded to T; half = headDim / 2.
template <class T>
__device__ __forceinline__ float2 rotation(int position, int i, int half, float theta) {
  const float frequency = 1.0f / powf(theta, static_cast<float>(i) / static_cast<float>(half));
  float sine, cosine;
  sincosf(static_cast<float>(position) * frequency, &sine, &cosine);
  return make_float2(rounded_to<T>(cosine), rounded_to<T>(sine));
}

}  // namespace stylear::cuda
