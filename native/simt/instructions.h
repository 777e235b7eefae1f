// The warp-level matrix instructions of cuda/ptx.h on the host.
#pragma once

#include "engine.h"

namespace stylear::simt {

// `count` 8x8 matrices of 16-bit elements; lane 8*i+j supplies the address of row j of matrix i.
void ldmatrix(uint32_t* r, const void* row, int count, bool transposed, const char* file, int line);
// d[16x8] += a[16x16] * b[16x8], bf16 in, f32 out, as fragments of a warp.
void mma_bf16_16816(float* d, const uint32_t* a, const uint32_t* b, const char* file, int line);

}  // namespace stylear::simt
