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

// A tensor of bf16 of up to four axes, innermost first, whose rows are copied in boxes that lie in
// shared memory with the 128-byte swizzle; zero outside. `strides`, in elements, are those of the
// axes after the first. `data` has to be aligned to 16 bytes, the strides to 8 elements, and a box
// may have 64 elements along the first axis and 256 along each of the others.
template <int rank>
TensorMap tensor_map(const void* data, const int64_t (&size)[rank],
                     const int64_t (&strides)[rank - 1], const int (&box)[rank]) {
  TensorMap map{};
#if defined(__CUDACC__)
  cuuint64_t sizes[rank], stride_bytes[rank - 1];
  cuuint32_t boxes[rank], every[rank];
  for (int i = 0; i < rank; ++i) {
    sizes[i] = static_cast<cuuint64_t>(size[i]);
    boxes[i] = static_cast<cuuint32_t>(box[i]);
    every[i] = 1;
    if (i > 0) stride_bytes[i - 1] = static_cast<cuuint64_t>(strides[i - 1]) * sizeof(bf16);
  }
  if (tensor_map_encoder()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, rank, const_cast<void*>(data),
                           sizes, stride_bytes, boxes, every, CU_TENSOR_MAP_INTERLEAVE_NONE,
                           CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                           CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS)
    return map;
  std::string extents;
  for (const int64_t extent : size)
    extents = std::to_string(extent) + (extents.empty() ? "" : ", ") + extents;
  throw Error("ERR_DEVICE", "cuda: expected the driver to describe a tensor [" + extents +
                                "] for bulk copies, got a refusal");
#else
  map.base = data;
  map.rank = rank;
  map.element_bytes = sizeof(bf16);
  map.swizzle = 128;
  for (int i = 0; i < rank; ++i) {
    map.size[i] = static_cast<uint64_t>(size[i]);
    map.stride[i] = (i == 0 ? 1 : static_cast<uint64_t>(strides[i - 1])) * sizeof(bf16);
    map.box[i] = static_cast<uint32_t>(box[i]);
  }
  simt::tensor_map_check(map);
  return map;
#endif
}

// A matrix [lines, width], in boxes of `box_lines` lines by 64 elements.
inline TensorMap tensor_map(const void* data, int64_t lines, int64_t width, int box_lines) {
  return tensor_map(data, {width, lines}, {width}, {64, box_lines});
}

}  // namespace stylear::cuda
