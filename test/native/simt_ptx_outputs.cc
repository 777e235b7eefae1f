// The outputs of test/native/ptx_outputs on the emulated GPU: held to their formulas in every order
// of threads and of asynchronous instructions, or printed with `--json`.
#include "ptx_outputs/hopper.cu"
#include "ptx_outputs/math.cu"
#include "ptx_outputs/numbers.cu"
#include "ptx_outputs/tiles.cu"
#include "ptx_outputs/warp.cu"
#include "ptx_outputs/wgmma.cu"

namespace stylear::cuda {

void* machine_allocate(size_t bytes) { return simt::device_alloc(bytes); }
void machine_release(void* p) { simt::device_free(p); }
void machine_upload(void* to, const void* from, size_t bytes) { std::memcpy(to, from, bytes); }
void machine_download(void* to, const void* from, size_t bytes) { std::memcpy(to, from, bytes); }

TensorMap machine_tensor_map(const void* data, const std::vector<int>& size,
                             const std::vector<int>& box, int swizzle) {
  TensorMap map{};
  map.base = data;
  map.rank = static_cast<unsigned>(size.size());
  map.element_bytes = 2;
  map.swizzle = static_cast<unsigned>(swizzle);
  uint64_t stride = 2;
  for (size_t axis = 0; axis < size.size(); ++axis) {
    map.size[axis] = static_cast<uint64_t>(size[axis]);
    map.stride[axis] = stride;
    map.box[axis] = static_cast<uint32_t>(box[axis]);
    stride *= map.size[axis];
  }
  simt::tensor_map_check(map);
  return map;
}

}  // namespace stylear::cuda

namespace {

// Returns how many outputs are wrong.
int run_all(bool json) {
  stylear::cuda::Outputs outputs(json);
  stylear::cuda::tile_outputs(outputs);
  stylear::cuda::warp_outputs(outputs);
  stylear::cuda::number_outputs(outputs);
  stylear::cuda::math_outputs(outputs);
  stylear::cuda::hopper_outputs(outputs);
  stylear::cuda::wgmma_outputs(outputs);
  return outputs.failures;
}

}  // namespace

int main(int count, char** words) {
  using namespace stylear::simt;
  if (count > 1 && std::string(words[1]) == "--json") {
    std::printf("{\"from\":\"emulation\"}\n");
    return run_all(true) != 0;
  }
  int failures = 0;
  for (const Order order : {Order::forward, Order::reverse, Order::random})
    for (const Async async : {Async::late, Async::early, Async::random}) {
      options().order = order;
      options().async = async;
      failures += run_all(false);
    }
  std::printf(failures ? "%d failures\n" : "all passed\n", failures);
  return failures != 0;
}
