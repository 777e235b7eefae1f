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

// Asked of the driver itself: of one that is too old the CUDA runtime only says that it is.
std::string obstacle_in_driver() {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!driver)
    return "expected the NVIDIA driver library libcuda.so.1 to be installed, got none. Install the "
           "NVIDIA driver.";
  const auto driver_version = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDriverGetVersion"));
  int found = 0, wanted = 0;
  if (!driver_version || driver_version(&found) != 0) found = 0;
  dlclose(driver);
  cudaRuntimeGetVersion(&wanted);
  if (found / 1000 >= wanted / 1000) return "";
  return "expected an NVIDIA driver for CUDA " + version_text(wanted / 1000 * 1000) +
         " or newer, got " + (found ? "one for CUDA " + version_text(found) : "an unknown one") +
         ". Update the NVIDIA driver.";
}

// How many GPUs there are; 0 with the reason in `why`.
int count_gpus(std::string& why) {
  why = obstacle_in_driver();
  if (!why.empty()) return 0;
  int gpus = 0;
  const cudaError_t counted = cudaGetDeviceCount(&gpus);
  if (counted != cudaSuccess) cudaGetLastError();
  if (counted != cudaSuccess && counted != cudaErrorNoDevice)
    why = std::string("expected the NVIDIA driver to answer, got: ") + cudaGetErrorString(counted);
  else if (gpus == 0)
    why =
        "expected a GPU, got none: the NVIDIA driver is installed and sees no device. Check "
        "CUDA_VISIBLE_DEVICES.";
  return why.empty() ? gpus : 0;
}

// Why GPU `index` is not of the kind that the kernels are written for; empty if it is.
std::string obstacle_in_kind(int index) {
  int major = 0, minor = 0;
  cudaError_t asked = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index);
  if (asked == cudaSuccess)
    asked = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index);
  if (asked != cudaSuccess) {
    cudaGetLastError();
    return std::string("expected GPU ") + std::to_string(index) +
           " to tell its compute capability, got: " + cudaGetErrorString(asked);
  }
  if (major >= 8) return "";
  return "expected GPU " + std::to_string(index) +
         " to have compute capability 8.0 or newer, got " + std::to_string(major) + "." +
         std::to_string(minor);
}

// Why GPU `index` cannot be used; empty if it can. Begins to use it.
std::string obstacle(int index) {
  std::string why;
  const int gpus = count_gpus(why);
  if (!why.empty()) return why;
  if (index < 0 || index >= gpus)
    return "expected the index to be in [0, " + std::to_string(gpus) + "), got " +
           std::to_string(index);
  why = obstacle_in_kind(index);
  if (!why.empty()) return why;
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

// Whether some GPU is of the right kind, without beginning to use one: that takes time and memory
// of it, and programs that want the CPU ask too.
int score(std::string& why) {
  const int gpus = count_gpus(why);
  for (int index = 0; index < gpus; ++index) {
    why = obstacle_in_kind(index);
    if (why.empty()) return 100;
  }
  return 0;
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
