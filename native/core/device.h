// What a device is: memory and one in-order queue that accepts every op. Implemented once by each
// device library and used by the addon through this interface alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "error.h"
#include "ops.h"

namespace stylear {

// Work recorded once and replayed as one command. Destroying a graph gives the memory that was
// allocated during its recording back to the device's pool, in queue order.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void replay() = 0;
};

struct MemoryUse {
  int64_t live_bytes = 0;      // in allocations that were not released
  int64_t live_blocks = 0;     // how many those are
  int64_t reserved_bytes = 0;  // taken from the system, including what the pool keeps
};

// All calls come from one thread, the one that opened the device; none of them waits for the queue
// except the destructor. Calls that the device can refuse at once throw Error.
class Device {
 public:
  // Finishes queued work and stops. Callbacks given to `notify` have all been called by then.
  virtual ~Device() = default;
  // What is enqueued and not begun need not be done any more: the caller is about to destroy the
  // device and reads nothing. A GPU does it all the same: it cannot be taken back.
  virtual void abandon() {}

  virtual const std::string& name() const = 0;  // "cpu-avx512", "cuda:0 NVIDIA H200", "simt"
  virtual int threads() const = 0;              // CPU threads that share an op; 1 where none do

  // Memory in queue order: a released block may be handed out at once, since whoever gets it is
  // behind its last user in the queue. Aligned to 256 bytes. Throws ERR_OUT_OF_MEMORY.
  virtual void* allocate(int64_t bytes) = 0;
  virtual void release(void* block) = 0;
  // Gives cached free memory back to the system.
  virtual void trim() = 0;
  virtual MemoryUse memory() const = 0;

  // True where ops can read host memory in place, as a mapped file is.
  virtual bool reads_host_memory() const = 0;

  // Enqueued copies. `upload` takes the bytes before it returns; the target of `download` has to
  // stay valid until a later `notify` calls back.
  virtual void upload(void* to, const void* from, int64_t bytes) = 0;
  virtual void download(void* to, const void* from, int64_t bytes) = 0;
  virtual void copy(void* to, const void* from, int64_t bytes) = 0;

  // Calls `done` from a thread of the device once everything enqueued so far is finished; its
  // argument is null, or the failure that stopped the queue. After a failure the queue does no more
  // work and every later notification carries that failure.
  virtual void notify(std::function<void(const Error* failure)> done) = 0;

  // Between the two calls ops, copies and fills are recorded instead of run. `upload`, `download`
  // and `notify` are refused meanwhile with ERR_DEVICE.
  virtual void begin_recording() = 0;
  virtual std::unique_ptr<Graph> end_recording() = 0;

  // Arguments were checked by the caller.
#define X(Op) virtual void submit(const Op& op) = 0;
  STYLEAR_OPS(X)
#undef X
};

struct OpenOptions {
  int threads = 0;  // CPU threads that share an op; 0 is one per core this process may use
  int index = 0;    // which GPU
};

// What a device library exports, under the C symbol `stylear_device_library`.
struct DeviceLibrary {
  const char* build;  // STYLEAR_BUILD; the addon refuses a library of another build
  const char* name;   // "cpu-avx2", "cuda", "simt"
  // How well it would run here: 0 is not at all, with the reason in `why`.
  int (*score)(std::string& why);
  // Throws Error when it cannot.
  Device* (*open)(const OpenOptions& options);
};

using DeviceLibraryFunction = const DeviceLibrary* (*)();

}  // namespace stylear
