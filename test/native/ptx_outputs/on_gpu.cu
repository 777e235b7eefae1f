// The outputs of this folder on GPU 0: `ptx_outputs > gpu.jsonl`, then
// `node scripts/ptx_outputs.mjs gpu.jsonl`. Exits with 1 where an output is not what its formula
// says. What needs compute capability 9.0 is left out elsewhere. `npm run build:gpu`
// builds it, or
//   nvcc -std=c++20 -O2 --expt-relaxed-constexpr -Inative -arch=sm_90a -o ptx_outputs
//     test/native/ptx_outputs/on_gpu.cu
#include "hopper.cu"
#include "math.cu"
#include "numbers.cu"
#include "tiles.cu"
#include "warp.cu"
#include "wgmma.cu"

namespace stylear::cuda {

void* machine_allocate(size_t bytes) {
  void* p = nullptr;
  check_cuda(cudaMalloc(&p, bytes), "cudaMalloc");
  return p;
}
void machine_release(void* p) { cudaFree(p); }
void machine_upload(void* to, const void* from, size_t bytes) {
  check_cuda(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "upload");
}
void machine_download(void* to, const void* from, size_t bytes) {
  check_cuda(cudaDeviceSynchronize(), "kernel");
  check_cuda(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "download");
}

TensorMap machine_tensor_map(const void* data, const std::vector<int>& size,
                             const std::vector<int>& box, int swizzle) {
  cuuint64_t extents[5], strides[5], stride = 2;
  cuuint32_t boxes[5], every[5];
  for (size_t axis = 0; axis < size.size(); ++axis) {
    extents[axis] = static_cast<cuuint64_t>(size[axis]);
    stride *= extents[axis];
    strides[axis] = stride;  // of the next axis
    boxes[axis] = static_cast<cuuint32_t>(box[axis]);
    every[axis] = 1;
  }
  const CUtensorMapSwizzle swizzles[] = {CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_SWIZZLE_32B,
                                         CU_TENSOR_MAP_SWIZZLE_64B, CU_TENSOR_MAP_SWIZZLE_64B,
                                         CU_TENSOR_MAP_SWIZZLE_128B};
  TensorMap map{};
  if (tensor_map_encoder()(&map, CU_TENSOR_MAP_DATA_TYPE_UINT16,
                           static_cast<cuuint32_t>(size.size()), const_cast<void*>(data), extents,
                           strides, boxes, every, CU_TENSOR_MAP_INTERLEAVE_NONE,
                           swizzles[swizzle / 32], CU_TENSOR_MAP_L2_PROMOTION_NONE,
                           CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) != CUDA_SUCCESS)
    throw Error("ERR_DEVICE", "the driver refused to describe a tensor");
  return map;
}

}  // namespace stylear::cuda

int main() {
  using namespace stylear;
  using namespace stylear::cuda;
  Outputs outputs(true);
  try {
    cudaDeviceProp gpu{};
    check_cuda(cudaGetDeviceProperties(&gpu, 0), "cudaGetDeviceProperties");
    std::printf("{\"from\":\"%s\"}\n", gpu.name);
    tile_outputs(outputs);
    warp_outputs(outputs);
    number_outputs(outputs);
    math_outputs(outputs);
    if (gpu.major == 9 && gpu.minor == 0) {
      hopper_outputs(outputs);
      wgmma_outputs(outputs);
    } else {
      std::fprintf(stderr, "left out: ptx_sm90.h, since this is compute capability %d.%d\n",
                   gpu.major, gpu.minor);
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "FAIL after %d outputs: %s\n", outputs.count, error.what());
    return 1;
  }
  std::fprintf(stderr, "%d outputs, %d are not what their formulas say\n", outputs.count,
               outputs.failures);
  return outputs.failures != 0;
}
