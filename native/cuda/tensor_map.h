// Descriptions of matrices for Hopper's bulk tensor copies, made on the host.
#pragma once

#include "ptx_sm90.h"

namespace stylear::cuda {

#if defined(__CUDACC__)
// The driver's own function, which no library that is linked has; looked up once.
inline decltype(&cuTensorMapEncodeTiled) tensor_map_encoder() {
  static const auto encoder = [] {
    void* found = nullptr;
    cudaDriverEntryPointQueryResult result{};
    check_cuda(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000,
                                                cudaEnableDefault, &result),
               "cuTensorMapEncodeTiled");
    if (!found)
      throw Error("ERR_DEVICE",
                  "cuda: expected the driver to have cuTensorMapEncodeTiled, got none");
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(found);
  }();
  return encoder;
}
#endif

// A matrix [lines, width] of bf16, copied in boxes of `box_lines` lines by 64 elements that lie in
// shared memory with the 128-byte swizzle; zero outside. `data` has to be aligned to 16 bytes, and
// `width` divisible by 8.
inline TensorMap tensor_map(const void* data, int64_t lines, int64_t width, int box_lines) {
  TensorMap map{};
#if defined(__CUDACC__)
  const cuuint64_t size[2] = {static_cast<cuuint64_t>(width), static_cast<cuuint64_t>(lines)};
  const cuuint64_t line_bytes[1] = {static_cast<cuuint64_t>(width) * sizeof(bf16)};
  const cuuint32_t box[2] = {64, static_cast<cuuint32_t>(box_lines)}, every[2] = {1, 1};
  if (tensor_map_encoder()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<void*>(data), size,
                           line_bytes, box, every, CU_TENSOR_MAP_INTERLEAVE_NONE,
                           CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                           CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) != CUDA_SUCCESS)
    throw Error("ERR_DEVICE", "cuda: expected the driver to describe a matrix of " +
                                  std::to_string(lines) + " lines of " + std::to_string(width) +
                                  " for bulk copies, got a refusal");
#else
  map.base = data;
  map.rank = 2;
  map.element_bytes = sizeof(bf16);
  map.swizzle = 128;
  map.size[0] = static_cast<uint64_t>(width), map.size[1] = static_cast<uint64_t>(lines);
  map.stride[0] = sizeof(bf16), map.stride[1] = map.size[0] * sizeof(bf16);
  map.box[0] = 64, map.box[1] = static_cast<uint32_t>(box_lines);
  simt::tensor_map_check(map);
#endif
  return map;
}

}  // namespace stylear::cuda
