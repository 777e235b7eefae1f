// The emulated GPU as a device: the kernels of native/cuda, run by the queue of a host device. It
// is for tests, and opened by name only.
#include <algorithm>
#include <new>
#include <thread>

#include "../cuda/run.h"
#include "../cuda/stream.h"
#include "../host/host_device.h"
#include "engine.h"
#include "state.h"

namespace stylear::simt {

namespace {

// What a launch finds of the GPU that it believes to run on.
class EmulatedGpu : public cuda::Stream, private cuda::ScratchMemory {
 public:
  EmulatedGpu() {
    const GpuTraits gpu = gpu_from_environment();
    compute_capability = gpu.compute_capability;
    multiprocessors = gpu.multiprocessors;
    options().max_shared = gpu.shared_bytes;
    fault_word = &word_;
    memory = this;
  }
  ~EmulatedGpu() { Stream::finish_op(); }

  void finish_op() {
    Stream::finish_op();
    if (word_.reported) throw cuda::error_of(word_);
  }

 private:
  void* take_scratch(int64_t bytes) override { return device_alloc(static_cast<size_t>(bytes)); }
  void give_scratch(void* block) override { device_free(block); }

  cuda::FaultWord word_{};
};

// Never reused and of the size asked for, so that every access out of bounds is one.
struct CheckedMemory {
  static constexpr bool reused = false;
  static void* take(int64_t bytes) {
    try {
      return device_alloc(static_cast<size_t>(bytes));
    } catch (const Error&) {
      return nullptr;
    }
  }
  static void give(void* block, int64_t) { device_free(block); }
  static void give_rest() {}
};

int score(std::string&) { return 1; }

// What the environment says of schedules holds from the opening of a device on.
Device* open(const OpenOptions& asked) {
  options() = options_from_environment();
  if (asked.threads > 0) options().workers = static_cast<unsigned>(asked.threads);
  const unsigned threads =
      options().workers ? options().workers : std::max(1u, std::thread::hardware_concurrency());
  return new HostDevice<EmulatedGpu, CheckedMemory>("simt", static_cast<int>(threads));
}

constexpr DeviceLibrary library = {STYLEAR_BUILD, "simt", score, open};

}  // namespace

}  // namespace stylear::simt

extern "C" __attribute__((visibility("default"))) const stylear::DeviceLibrary*
stylear_device_library() {
  return &stylear::simt::library;
}
