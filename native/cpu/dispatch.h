// From the dtype of a tensor to the C++ type of its elements.
#pragma once

#include "../core/bf16.h"
#include "../core/tensor.h"

namespace stylear::cpu {

// Calls f with a value of the element type: `with_float(op.x.dtype, [&](auto zero) { using T =
// decltype(zero); ... })`. The dtype is f32 or bf16, as the op's check() made sure.
template <class F>
void with_float(Dtype dtype, F&& f) {
  dtype == Dtype::f32 ? f(float{}) : f(bf16{});
}

}  // namespace stylear::cpu
