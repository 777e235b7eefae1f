// The CUDA device on the emulated runtime: native/cuda, host code and kernels, run without a GPU.
// It is for tests, and opened by name only.
#include "../cuda/device.h"
#include "../simt/engine.h"
#include "../simt/state.h"

namespace stylear::simt_cuda {

namespace {

int score(std::string&) { return 1; }

// What the environment says of schedules holds from the opening of a device on.
Device* open(const OpenOptions& asked) {
  simt::options() = simt::options_from_environment();
  if (asked.threads > 0) simt::options().workers = static_cast<unsigned>(asked.threads);
  simt::options().max_shared = simt::gpu_from_environment().shared_bytes;
  return cuda::open_gpu(asked.index);
}

constexpr DeviceLibrary library = {STYLEAR_BUILD, "simt_cuda", score, open};

}  // namespace

}  // namespace stylear::simt_cuda

extern "C" __attribute__((visibility("default"))) const stylear::DeviceLibrary*
stylear_device_library() {
  return &stylear::simt_cuda::library;
}
