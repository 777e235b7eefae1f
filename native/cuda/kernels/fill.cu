// y = value, everywhere: bounded by the bandwidth of writing.
#include "../../core/ops/fill.h"

#include "../run.h"
#include "../stream.h"

namespace stylear::cuda {

namespace {

constexpr int block_threads = 256;

// One thread per 16 bytes of the pattern, byte by byte where they are fewer or not aligned.
__global__ void fill_kernel(unsigned char* y, int64_t bytes, uint32_t pattern, bool aligned) {
  const int64_t at = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * 16;
  if (aligned && at + 16 <= bytes) {
    *reinterpret_cast<uint4*>(y + at) = make_uint4(pattern, pattern, pattern, pattern);
  } else {
    for (int64_t i = at; i < at + 16 && i < bytes; ++i)
      y[i] = static_cast<unsigned char>(pattern >> (8 * (i & 3)));
  }
}

// The value's storage form, repeated to fill 4 bytes.
uint32_t pattern_of(float value, Dtype dtype) {
  uint32_t bits = 0;
  switch (dtype) {
    case Dtype::f32:
      memcpy(&bits, &value, 4);
      return bits;
    case Dtype::bf16: {
      const bf16 rounded = __float2bfloat16_rn(value);
      memcpy(&bits, &rounded, 2);
      return bits * 0x00010001u;
    }
    case Dtype::i32:
      return static_cast<uint32_t>(static_cast<int32_t>(value));
    case Dtype::i8:
      return static_cast<uint8_t>(static_cast<int8_t>(value)) * 0x01010101u;
  }
  return bits;
}

}  // namespace

void run(const Fill& op, Stream& stream) {
  const int64_t bytes = op.y.bytes(), threads = ceil_div<int64_t>(bytes, 16);
  launch(stream, fill_kernel, dim3(ceil_div<int64_t>(threads, block_threads)), dim3(block_threads),
         0, op.y.as<unsigned char>(), bytes, pattern_of(op.value, op.y.dtype),
         vector_aligned(op.y.data));
}

}  // namespace stylear::cuda
