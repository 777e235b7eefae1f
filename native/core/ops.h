// The ops there are. Each is one struct in ops/: its fields are its arguments, its check() is the
// only validation, its comment is the formula. Devices, binding and TypeScript types expand from
// this list.
#pragma once

#include "ops/fill.h"
#include "ops/rms_norm.h"

#define STYLEAR_OPS(X) \
  X(Fill)              \
  X(RmsNorm)           \
  X(RmsNormBackward)
