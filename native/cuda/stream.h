// What an op gets to run on a GPU: the stream, temporary memory, what the GPU is like, and a place
// where kernels report that the data are wrong.
#pragma once

#include <vector>

#include "fault.h"
#include "gpu.h"

namespace stylear::cuda {

// Memory in stream order, from the device's pool.
class ScratchMemory {
 public:
  virtual ~ScratchMemory() = default;
  virtual void* take_scratch(int64_t bytes) = 0;
  virtual void give_scratch(void* block) = 0;
};

// Large products by cuBLASLt (cublaslt.h), where there is one; the device owns it.
struct BlasLibrary;

struct Stream {
  GpuStream handle{};
  int multiprocessors = 1;
  int compute_capability = 80;  // 90 for 9.0
  FaultWord* fault_word = nullptr;
  ScratchMemory* memory = nullptr;
  BlasLibrary* blas = nullptr;

  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Memory for `count` values that is valid until the running op ends, aligned to 256 bytes. Its
  // contents are undefined.
  template <class T>
  T* scratch(int64_t count) {
    void* block = memory->take_scratch(count * static_cast<int64_t>(sizeof(T)));
    scratch_.push_back(block);
    return static_cast<T*>(block);
  }

  // For a kernel that reads indices: `op: expected argument to be in [low, high), got value`.
  FaultSite fault(const char* op, const char* argument, int64_t low, int64_t high) const {
    return {fault_word, op, argument, low, high};
  }
  // For one that reads real numbers: `op: expected argument to be range, got value`.
  FaultSite fault(const char* op, const char* argument, const char* range) const {
    return {fault_word, op, argument, 0, 0, range};
  }

  // The device calls it after each op: what comes later in the stream may have the memory.
  void finish_op() {
    for (void* block : scratch_) memory->give_scratch(block);
    scratch_.clear();
  }

 private:
  std::vector<void*> scratch_;
};

// The usual form of a launch.
template <class... P, class... A>
void launch(Stream& stream, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
            A&&... args) {
  launch(stream.handle, kernel, grid, block, shared_bytes, static_cast<A&&>(args)...);
}

}  // namespace stylear::cuda
