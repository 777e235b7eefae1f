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

__device__ __forceinline__ float sigmoid_of(float x) { return 1.0f / (1.0f + expf(-x)); }

// f'(x).
__device__ __forceinline__ float slope(Pointwise function, float x) {
  switch (function) {
    case Pointwise::gelu:  // Phi(x) + x phi(x)
      return normcdff(x) + x * 0.3989422804f * expf(-0.5f * x * x);
    case Pointwise::quick_gelu: {
      const float s = sigmoid_of(1.702f * x);
      return s + 1.702f * x * s * (1.0f - s);
    }
    case Pointwise::silu: {
      const float s = sigmoid_of(x);
      return s + x * s * (1.0f - s);
    }
    case Pointwise::sigmoid: {
      const float s = sigmoid_of(x);
      return s * (1.0f - s);
    }
    case Pointwise::log_sigmoid:
      return sigmoid_of(-x);
    case Pointwise::exp:
      return expf(x);
    case Pointwise::log:
      return 1.0f / x;
    default:
      return 1.0f;
  }
}

}  // namespace stylear::cuda
