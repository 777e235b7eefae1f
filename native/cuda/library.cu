// What the CUDA library tells the addon. It loads on any machine: the CUDA runtime is linked
// statically and finds the driver itself, or does not.
#include <dlfcn.h>

#include <string>

#include "device.h"
#include "gpu.h"

namespace stylear::cuda {

namespace {

// Is there machine code or PTX in this library for the GPU?
__global__ void probe_kernel() {}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// Why GPU `index` cannot be used; empty if it can.
std::string obstacle(int index) {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!driver)
    return "expected the NVIDIA driver library libcuda.so.1 to be installed, got none. Install the "
           "NVIDIA driver.";
  // Asked of the driver itself: of one that is too old the CUDA runtime only says that it is.
  const auto driver_version = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDriverGetVersion"));
  int found = 0, wanted = 0;
  if (!driver_version || driver_version(&found) != 0) found = 0;
  dlclose(driver);
  cudaRuntimeGetVersion(&wanted);
  if (found / 1000 < wanted / 1000)
    return "expected an NVIDIA driver for CUDA " + version_text(wanted / 1000 * 1000) +
           " or newer, got " + (found ? "one for CUDA " + version_text(found) : "an unknown one") +
           ". Update the NVIDIA driver.";
  int gpus = 0;
  const cudaError_t counted = cudaGetDeviceCount(&gpus);
  if (counted != cudaSuccess && counted != cudaErrorNoDevice)
    return std::string("expected the NVIDIA driver to answer, got: ") + cudaGetErrorString(counted);
  if (gpus == 0)
    return "expected a GPU, got none: the NVIDIA driver is installed and sees no device. Check "
           "CUDA_VISIBLE_DEVICES.";
  if (index < 0 || index >= gpus)
    return "expected the index to be in [0, " + std::to_string(gpus) + "), got " +
           std::to_string(index);
  cudaError_t usable = cudaSetDevice(index);
  cudaFuncAttributes attributes{};
  if (usable == cudaSuccess) usable = cudaFuncGetAttributes(&attributes, probe_kernel);
  if (usable == cudaSuccess) return "";
  cudaGetLastError();
  cudaDeviceProp properties{};
  if ((usable == cudaErrorNoKernelImageForDevice || usable == cudaErrorInvalidDeviceFunction ||
       usable == cudaErrorUnsupportedPtxVersion) &&
      cudaGetDeviceProperties(&properties, index) == cudaSuccess) {
    const std::string capability =
        std::to_string(properties.major) + "." + std::to_string(properties.minor);
    return "expected kernels for compute capability " + capability + " (" + properties.name +
           ") in this build, got none. Build with STYLEAR_CUDA_ARCHITECTURES=" +
           std::to_string(properties.major) + std::to_string(properties.minor) +
           (properties.major == 9 ? "a." : ".");
  }
  return std::string("expected GPU ") + std::to_string(index) +
         " to be usable, got: " + cudaGetErrorString(usable);
}

int score(std::string& why) {
  why = obstacle(0);
  return why.empty() ? 100 : 0;
}

Device* open(const OpenOptions& options) {
  const std::string why = obstacle(options.index);
  if (!why.empty()) throw Error("ERR_DEVICE", "cuda: " + why);
  return open_gpu(options.index);
}

constexpr DeviceLibrary library = {STYLEAR_BUILD, "cuda", score, open};

}  // namespace

}  // namespace stylear::cuda

extern "C" __attribute__((visibility("default"))) const stylear::DeviceLibrary*
stylear_device_library() {
  return &stylear::cuda::library;
}
