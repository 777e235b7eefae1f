// The functions of core/pointwise.h on the GPU, in f32.
#pragma once

#include "../core/pointwise.h"
#include "gpu.h"

namespace stylear::cuda {

// `function` is the same for all threads, so the branches cost no divergence.
__device__ __forceinline__ float apply(Pointwise function, float x) {
  switch (function) {
    case Pointwise::gelu:
      return x * normcdff(x);
    case Pointwise::quick_gelu:
      return x / (1.0f + expf(-1.702f * x));
    case Pointwise::silu:
      return x / (1.0f + expf(-x));
    case Pointwise::sigmoid:
      return 1.0f / (1.0f + expf(-x));
    case Pointwise::log_sigmoid:
      return fminf(x, 0.0f) - log1pf(expf(-fabsf(x)));
    case Pointwise::exp:
      return expf(x);
    case Pointwise::log:
      return logf(x);
    default:
      return x;
  }
}

}  // namespace stylear::cuda
