// The functions of one number that networks put between their layers.
#pragma once

#include <array>

#include "tensor.h"

namespace stylear {

enum class Pointwise : uint8_t {
  none,         // x
  gelu,         // x * Phi(x), exact: 0.5 x (1 + erf(x / sqrt 2)). Hendrycks & Gimpel 2016
  quick_gelu,   // x * sigmoid(1.702 x)
  silu,         // x * sigmoid(x)
  sigmoid,      // 1 / (1 + exp(-x))
  log_sigmoid,  // -log(1 + exp(-x)), without overflow
  exp,
  log,
};

template <>
struct EnumNames<Pointwise> {
  static constexpr std::array<const char*, 8> names = {
      "none", "gelu", "quick_gelu", "silu", "sigmoid", "log_sigmoid", "exp", "log"};
};

}  // namespace stylear
